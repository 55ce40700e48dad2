/** Where each stay is drawn in the lane of a GPU: at the height of the memory below it, so that the stack is what is reserved. */

/** @typedef {import("./history.js").Stay} Stay */

export class Packing {
  /** @param {number} limit Bytes that models may reserve together. */
  constructor(gpu, limit) {
    this.gpu = gpu;
    this.limit = limit;
    /** @type {{stay: Stay, size: number, offset: number}[]} Sorted by offset. */
    this.active = [];
  }

  /** Place a stay at the lowest free height; the others move together where no gap is large enough. */
  begin(stay, size, time) {
    let offset = 0;
    for (const one of this.active) {
      if (one.offset - offset >= size) break;
      offset = one.offset + one.size;
    }
    if (offset + size > this.limit) offset = this.#compact(time);
    this.active.push({ stay, size, offset });
    this.active.sort((one, other) => one.offset - other.offset);
    stay.segments.set(this.gpu, [{ from: time, to: null, offset }]);
  }

  end(stay, time) {
    this.active = this.active.filter((one) => one.stay !== stay);
    const last = stay.segments.get(this.gpu)?.at(-1);
    if (last) last.to = time;
  }

  /** Return the height above all. */
  #compact(time) {
    let offset = 0;
    for (const one of this.active) {
      if (one.offset !== offset) {
        const segments = one.stay.segments.get(this.gpu) ?? [];
        const last = segments.at(-1);
        if (last) last.to = time;
        segments.push({ from: time, to: null, offset });
        one.offset = offset;
      }
      offset += one.size;
    }
    return offset;
  }
}
