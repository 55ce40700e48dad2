/** The timeline: a lane for each GPU, and one for models without a GPU. */

import { byId, choice, el, say } from "./dom.js";
import { Lane } from "./lane.js";
import { clock } from "./text.js";

/** @type {[string, number][]} */
const RANGES = [
  ["15 min", 900],
  ["1 h", 3600],
  ["3 h", 10_800],
  ["12 h", 43_200],
];
const MOST_FIRST = 10_800;
const STEPS = [60, 120, 300, 600, 900, 1800, 3600, 7200, 10_800];
const LABEL_WIDTH = 84;
const NO_GPU = "no GPU";

export class Timeline {
  /** @param {(stay: import("./history.js").Stay) => void} onOpen Shows a model. */
  constructor(store, onOpen) {
    this.store = store;
    this.onOpen = onOpen;
    this.range = 3600;
    this.isChosen = false;
    this.lanes = [];
    this.shape = "";
    this.width = 0;
    this.axis = el("div.axis", { "aria-hidden": "true" });
    this.ranges = choice("Shown time", RANGES, this.range, (range) => this.#choose(range));
    byId("ranges").replaceWith(this.ranges.element);
    new ResizeObserver(() => this.#measure()).observe(byId("lanes"));
    setInterval(() => document.hidden || this.draw(), 1000);
    store.addEventListener("history", () => this.#rebuild());
    store.addEventListener("change", (event) => this.#update(event.detail));
  }

  /** @param {number} range Seconds. */
  #choose(range) {
    this.range = range;
    this.isChosen = true;
    this.draw();
  }

  /** Begin with most of what there is, at most 3 hours. */
  #chooseFirst() {
    const { now, history } = this.store;
    const age = now - Math.min(now, ...history.stays.map((stay) => stay.start));
    const [, first] = RANGES.find(([, seconds]) => seconds >= 0.75 * age || seconds === MOST_FIRST);
    this.ranges.press(first);
    this.#choose(first);
  }

  /** Reading a width makes the browser lay the page out, so that it is read only when it changes. */
  #measure() {
    this.width = this.lanes[0]?.blocks.clientWidth ?? 0;
    this.draw();
  }

  /** @param {Set<string>|null} ids Models that have changed; null for all. */
  #update(ids) {
    if (ids !== null) {
      this.draw(this.lanes.filter((lane) => [...ids].some((id) => lane.sizeOf(id) !== undefined)));
      return;
    }
    const shape = JSON.stringify(this.store.status.gpus.map((gpu) => [gpu.name, gpu.memory, gpu.limit]));
    const models = [...this.store.models.values()].map((model) => [model.id, model.reservations]);
    if (this.shape !== shape + JSON.stringify(models)) {
      this.shape = shape + JSON.stringify(models);
      this.#rebuild();
    }
    if (!this.isChosen && this.store.link !== "connecting") this.#chooseFirst();
    this.draw();
  }

  /** Make all lanes anew, with all that is known about the past. */
  #rebuild() {
    if (!this.store.status) return;
    const { models, history, status } = this.store;
    this.lanes = status.gpus.map((gpu) => new Lane(gpu, (id) => models.get(id)?.reservations[gpu.name], this.onOpen));
    const others = [...models.values()].filter((model) => Object.keys(model.reservations).length === 0);
    if (others.length) {
      const size = Math.min(6, others.length);
      const isOther = (id) => (others.some((model) => model.id === id) ? 1 : undefined);
      this.lanes.push(new Lane({ name: NO_GPU, memory: size, limit: size, unit: true }, isOther, this.onOpen));
    }
    byId("lanes").replaceChildren(...this.lanes.map((lane) => lane.element), this.axis);
    byId("lanes").dataset.lanes = this.lanes.length > 4 ? "many" : this.lanes.length > 2 ? "some" : "few";
    history.onBegin = (stay, time) => this.lanes.forEach((lane) => lane.begin(stay, time));
    history.onEnd = (stay, time) => this.lanes.forEach((lane) => lane.end(stay, time));
    const changes = history.stays.flatMap((stay) => {
      stay.segments.clear();
      const begin = { time: stay.start, apply: () => history.onBegin(stay, stay.start) };
      return stay.end === null ? [begin] : [begin, { time: stay.end, apply: () => history.onEnd(stay, stay.end ?? 0) }];
    });
    for (const change of changes.sort((one, other) => one.time - other.time)) change.apply();
    this.#measure();
  }

  /** Draw lanes as they are now; nothing while they are hidden. */
  draw(lanes = this.lanes) {
    if (!this.width) return;
    const view = { now: this.store.now, range: this.range, width: this.width };
    for (const lane of lanes) {
      lane.draw(view, this.store.history.waits);
      const samples = this.store.samples.all.get(lane.gpu.name);
      if (samples) lane.drawMeasured(this.#gpu(lane), samples, view);
    }
    this.#drawAxis(view);
  }

  /** Return the GPU of a lane as it is in the last status. */
  #gpu(lane) {
    return this.store.status.gpus.find((gpu) => gpu.name === lane.gpu.name);
  }

  #drawAxis({ now, range, width }) {
    const step = STEPS.find((one) => (width * one) / range >= LABEL_WIDTH) ?? range;
    const shift = new Date().getTimezoneOffset() * 60;
    const first = Math.ceil((now - range - shift) / step) * step + shift;
    const times = [];
    for (let time = first; time < now; time += step) times.push(time);
    while (this.axis.children.length < times.length + 1) this.axis.append(el("span"));
    while (this.axis.children.length > times.length + 1) this.axis.lastChild?.remove();
    [...times, now].forEach((time, index) => {
      const label = this.axis.children[index];
      const isNow = index === times.length;
      say(label, isNow ? "now" : clock(time, true));
      label.className = isNow ? "now" : width - (width * (time - now + range)) / range < 40 ? "unseen" : "";
      label.style.left = `${((width * (time - now + range)) / range).toFixed(1)}px`;
    });
  }

  /** Show what an order would change, or nothing. */
  plan(plans) {
    for (const lane of this.lanes) lane.plan(plans.find((plan) => lane.sizeOf(plan.model) !== undefined) ?? null);
  }
}
