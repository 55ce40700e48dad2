/** The past of all models, made of lifecycle events: when each was on its GPUs, and what went wrong. */

/** States in which a model holds its reserved memory. */
export const HOLDING = new Set(["starting", "ready", "draining", "stopping", "sleeping"]);
const ENDED = new Set(["stopped", "failed", "absent"]);
const MOST_WAITS = 500;
const MOST_STAYS = 1000;

/**
 * A stay of a model on its GPUs.
 * @typedef {{model: string, start: number, end: number|null, phases: {kind: string, from: number}[],
 *   failed: string|null, cause: string|null, segments: Map<string, {from: number, to: number|null, offset: number}[]>}} Stay
 */

export class History {
  constructor() {
    this.stays = [];
    /** @type {Map<string, Stay>} */
    this.open = new Map();
    /** @type {{model: string, time: number, seconds: number}[]} */
    this.waits = [];
    /** @type {(stay: Stay, time: number) => void} */
    this.onBegin = () => {};
    /** @type {(stay: Stay, time: number) => void} */
    this.onEnd = () => {};
  }

  /** Apply an event. */
  apply(event) {
    const { kind, model, time } = event;
    if (model === undefined) return;
    if (kind === "waited") {
      this.waits.push({ model, time: time - (event.seconds ?? 0), seconds: event.seconds ?? 0 });
      if (this.waits.length > MOST_WAITS) this.waits.shift();
    } else if (HOLDING.has(kind)) {
      this.#enter(model, kind, time, event.detail ?? null);
    } else if (ENDED.has(kind)) {
      this.#leave(model, kind, time, event.detail ?? null);
    }
  }

  /** Correct what no event has told. @param {any} model As /status shows it. */
  reconcile(model, now) {
    const stay = this.open.get(model.id);
    if (!HOLDING.has(model.state)) {
      if (stay) this.#leave(model.id, model.state, now, model.failure?.message ?? null);
    } else if (stay?.phases.at(-1)?.kind !== model.state) {
      this.#enter(model.id, model.state, stay ? now : now - (model.since ?? model.ready ?? 0), null);
    }
  }

  #enter(model, kind, time, detail) {
    let stay = this.open.get(model);
    if (!stay) {
      stay = { model, start: time, end: null, phases: [], failed: null, cause: null, segments: new Map() };
      this.open.set(model, stay);
      this.stays.push(stay);
      if (this.stays.length > MOST_STAYS)
        this.stays.splice(
          this.stays.findIndex((one) => one.end !== null),
          1,
        );
      this.onBegin(stay, time);
    }
    if (kind !== "starting") stay.cause = detail ?? stay.cause;
    if (stay.phases.at(-1)?.kind !== kind) stay.phases.push({ kind, from: time });
  }

  #leave(model, kind, time, detail) {
    if (kind === "failed" && !this.open.has(model)) this.#enter(model, "starting", time, null);
    const stay = this.open.get(model);
    if (!stay) return;
    stay.end = time;
    if (kind === "failed") stay.failed = detail ?? "failed";
    this.open.delete(model);
    this.onEnd(stay, time);
  }
}
