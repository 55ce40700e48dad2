/** One lane of the timeline: a GPU, with the models on it as blocks as high as their memory. */

import { el, mark, say } from "./dom.js";
import { describeMeasured, drawMeasured, measuredLine } from "./measured.js";
import { Packing } from "./packing.js";
import { clock, duration, gib, plural } from "./text.js";

/** @typedef {import("./history.js").Stay} Stay */
/** @typedef {{now: number, range: number, width: number}} Window Seconds, seconds, pixels. */

const NEAR = 16;
const NARROW = 34;
/** Stays that a lane draws; of more, the oldest are left out. */
const MOST = 300;

export class Lane {
  /**
   * @param {(model: string) => number|undefined} sizeOf Bytes of a model on it.
   */
  constructor(gpu, sizeOf, onOpen) {
    this.gpu = gpu;
    this.sizeOf = sizeOf;
    this.onOpen = onOpen;
    this.packing = new Packing(gpu.name, gpu.limit);
    /** @type {Set<Stay>} */
    this.stays = new Set();
    /** @type {Map<object, HTMLElement>} */
    this.drawn = new Map();
    this.amount = el("span.amount");
    this.inUse = el("span.amount.in-use");
    this.measured = measuredLine();
    this.ticks = el("span.ticks");
    this.strip = el("div.strip", this.ticks);
    /** Buttons of failures, by the first one that a button is for. @type {Map<Stay, HTMLElement>} */
    this.marks = new Map();
    this.blocks = el("div.blocks", { role: "group", "aria-label": `Models on ${gpu.name}` });
    this.ghost = el("div.ghost-zone", { "aria-hidden": "true" });
    const limit = el("i.limit", { hidden: gpu.unit });
    limit.style.bottom = `${(100 * gpu.limit) / gpu.memory}%`;
    const track = el("div.track", this.blocks, this.measured, limit, this.ghost);
    const label = el("div.lane-label", el("b", gpu.name), this.amount, this.inUse);
    this.element = el("div.lane", label, el("div.lane-body", this.strip, track));
    this.element.classList.toggle("flat", Boolean(gpu.unit));
    this.blocks.addEventListener("keydown", (event) => this.#move(event));
  }

  begin(stay, time) {
    const size = this.sizeOf(stay.model);
    if (size === undefined) return;
    this.stays.add(stay);
    if (this.stays.size > MOST) this.stays.delete([...this.stays].find((one) => one.end !== null));
    this.packing.begin(stay, size, time);
  }

  end(stay, time) {
    if (this.stays.has(stay)) this.packing.end(stay, time);
  }

  /** Draw what is in the window. */
  draw(view, waits) {
    const from = view.now - view.range;
    const kept = new Set();
    for (const stay of this.stays) {
      if (stay.end !== null && stay.end < from) {
        this.stays.delete(stay);
        continue;
      }
      for (const segment of stay.segments.get(this.gpu.name) ?? []) {
        if (segment.to !== null && segment.to < from) continue;
        kept.add(segment);
        this.#drawBlock(stay, segment, view);
      }
    }
    for (const [segment, block] of this.drawn) {
      if (kept.has(segment)) continue;
      block.remove();
      this.drawn.delete(segment);
    }
    this.#drawStrip(view, waits);
    const reserved = this.packing.active.reduce((sum, one) => sum + one.size, 0);
    say(this.amount, this.gpu.unit ? plural(reserved, "model") : `${gib(reserved)} of ${gib(this.gpu.limit)} reserved`);
    const tabbed = [...this.blocks.children].filter((one) => one.tabIndex === 0);
    if (tabbed.length !== 1 && this.blocks.lastElementChild) this.#focusable(this.blocks.lastElementChild);
  }

  /** Draw what was measured. @param {any} gpu Of the status. */
  drawMeasured(gpu, samples, view) {
    say(this.inUse, describeMeasured(gpu));
    drawMeasured(this.measured, samples, this.gpu.memory, view);
  }

  #drawBlock(stay, segment, view) {
    const x = (time) => place(time, view);
    const left = Math.max(0, x(segment.from));
    const right = Math.min(view.width, x(segment.to ?? view.now));
    let block = this.drawn.get(segment);
    if (!block) {
      const size = this.sizeOf(stay.model) ?? 0;
      block = el("button", { type: "button", class: "block", tabindex: -1, "data-model": stay.model });
      block.style.bottom = `${(100 * segment.offset) / this.gpu.memory}%`;
      block.style.height = `${(100 * size) / this.gpu.memory}%`;
      block.append(el("span.phases"), el("span.block-name", stay.model));
      block.addEventListener("click", () => this.onOpen(stay));
      this.drawn.set(segment, block);
      this.blocks.append(block);
    }
    const width = Math.max(2, right - left);
    const shape = `${left.toFixed(1)} ${width.toFixed(1)} ${stay.phases.length} ${stay.end}`;
    if (block.dataset.shape === shape) return;
    block.dataset.shape = shape;
    block.style.left = `${Math.min(left, view.width - 2).toFixed(1)}px`;
    block.style.width = `${width.toFixed(1)}px`;
    block.classList.toggle("narrow", width < NARROW);
    block.classList.toggle("failed", stay.failed !== null);
    block.toggleAttribute("data-open", segment.to === null);
    block.setAttribute("aria-label", describe(stay, this.gpu));
    this.#drawPhases(block, stay, segment, x, left, right);
  }

  #drawPhases(block, stay, segment, x, left, right) {
    const phases = [];
    stay.phases.forEach((phase, index) => {
      const from = Math.max(left, x(phase.from));
      const to = Math.min(right, x(stay.phases[index + 1]?.from ?? stay.end ?? segment.to ?? Infinity));
      if (to > from || stay.phases.length === 1) phases.push({ kind: phase.kind, left: from - left, width: to - from });
    });
    const shown = block.firstElementChild;
    while (shown.children.length > phases.length) shown.lastChild.remove();
    while (shown.children.length < phases.length) shown.append(el("i"));
    phases.forEach((phase, index) => {
      const part = shown.children[index];
      part.className = `phase ${phase.kind}`;
      part.style.left = `${phase.left.toFixed(1)}px`;
      part.style.width = `${Math.max(1, phase.width).toFixed(1)}px`;
    });
  }

  /** Draw ticks for requests that waited, and a mark for each failure; marks that touch are one. */
  #drawStrip(view, waits) {
    const x = (time) => place(time, view);
    const ticks = waits.filter((wait) => this.sizeOf(wait.model) !== undefined && wait.time > view.now - view.range);
    const failures = [];
    for (const stay of [...this.stays].filter((one) => one.failed !== null)) {
      const at = x(stay.end ?? view.now);
      const last = failures.at(-1);
      if (last && at - last.at < NEAR) Object.assign(last, { at, stay, number: last.number + 1 });
      else failures.push({ first: stay, at, stay, number: 1 });
    }
    const key = `${ticks.map((tick) => x(tick.time).toFixed(0))} ${failures.map((one) => `${one.at.toFixed(0)}×${one.number}`)}`;
    if (this.strip.dataset.shape === key) return;
    this.strip.dataset.shape = key;
    this.ticks.replaceChildren(
      ...ticks.map((tick) => {
        const made = el("i.tick", { title: `a request for ${tick.model} waited ${duration(tick.seconds)}` });
        made.style.left = `${x(tick.time).toFixed(1)}px`;
        return made;
      }),
    );
    for (const failure of failures) this.#drawFailure(failure);
    for (const [first, button] of this.marks) {
      if (failures.some((one) => one.first === first)) continue;
      button.remove();
      this.marks.delete(first);
    }
  }

  /** Draw the mark of failures. Its button stays the same while it moves, or a slow click would miss it. */
  #drawFailure({ first, at, stay, number }) {
    let button = this.marks.get(first);
    if (!button) {
      button = el("button.failure-mark", { type: "button" }, mark("failed"));
      this.marks.set(first, button);
      this.strip.append(button);
    }
    const text = `${stay.model} ${stay.failed}, ${clock(stay.end)}${number > 1 ? `, and ${number - 1} more` : ""}`;
    button.onclick = () => this.onOpen(stay);
    button.setAttribute("aria-label", text);
    button.title = text;
    button.style.left = `${at.toFixed(1)}px`;
  }

  /** One block of a lane is in the order of Tab; arrows reach the others. */
  #focusable(block) {
    for (const one of this.blocks.children) one.tabIndex = one === block ? 0 : -1;
  }

  #move(event) {
    const step = { ArrowLeft: -1, ArrowRight: 1, ArrowDown: -1, ArrowUp: 1 }[event.key];
    if (step === undefined) return;
    const sorted = [...this.blocks.children].sort(
      (one, other) => parseFloat(one.style.left) - parseFloat(other.style.left),
    );
    const next = sorted[sorted.indexOf(document.activeElement) + step];
    event.preventDefault();
    if (!next) return;
    this.#focusable(next);
    next.focus();
  }

  /** Draw what would be loaded, and mark what would leave. */
  plan(plan) {
    const size = plan && this.sizeOf(plan.model);
    const leaving = new Set(plan?.evict);
    for (const block of this.blocks.children) {
      block.classList.toggle(
        "leaving",
        size !== undefined && "open" in block.dataset && leaving.has(block.dataset.model),
      );
    }
    this.ghost.replaceChildren();
    if (!plan || size === undefined) return;
    const stays = this.packing.active.filter((one) => !leaving.has(one.stay.model) && one.stay.model !== plan.model);
    const offset = stays.reduce((top, one) => Math.max(top, one.offset + one.size), 0);
    const made = el("div.ghost", el("span", plan.model));
    made.style.bottom = `${(100 * Math.max(0, Math.min(offset, this.gpu.limit - size))) / this.gpu.memory}%`;
    made.style.height = `${(100 * size) / this.gpu.memory}%`;
    this.ghost.append(made);
  }
}

/** Return where a time is, in pixels. @param {Window} view */
const place = (time, { now, range, width }) => width * (1 - (now - time) / range);

const WORDS = { starting: "loading", ready: "ready", draining: "draining", stopping: "stopping", sleeping: "sleeping" };

function describe(stay, gpu) {
  const steps = stay.phases.map((phase) => `${WORDS[phase.kind] ?? phase.kind} ${clock(phase.from)}`);
  if (stay.failed !== null) steps.push(`${stay.failed} ${clock(stay.end ?? 0)}`);
  else if (stay.end !== null) steps.push(`left ${clock(stay.end)}`);
  return `${stay.model} on ${gpu.name}: ${steps.join(", ")}`;
}
