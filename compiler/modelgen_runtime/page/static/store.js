/** What is known about the deployment: by events as they happen, and by the status for counters. */

import { ApiError, ask } from "./api.js";
import { History } from "./history.js";
import { Samples } from "./measured.js";
import { SILENT, SilentError, follow } from "./stream.js";

const EVERY = 3000;
const SOON = 60;
const LATER = 1500;
const LEAST = 1000;
const LONGEST_PAUSE = 8000;
/** Answers that come while a stream says nothing, until a proxy must hold it back: on a slow host, all of them are late. */
const OVERTAKEN = 3;

/** @typedef {"connecting"|"live"|"polling"|"lost"} Link */

export class Store extends EventTarget {
  constructor() {
    super();
    this.status = null;
    /** @type {Map<string, any>} */
    this.models = new Map();
    this.history = new History();
    this.samples = new Samples();
    this.link = "connecting";
    /** Local time of the last data, in milliseconds. */
    this.heard = 0;
    this.offset = 0;
    /** @type {Set<string>} */
    this.changed = new Set();
    /** @type {Map<string, number>} */
    this.touched = new Map();
    this.isAll = false;
    this.frame = 0;
    this.timer = 0;
    this.due = 0;
    this.read = 0;
    this.overtaken = 0;
  }

  /** The server's time, in seconds since 1970. */
  get now() {
    return Date.now() / 1000 + this.offset;
  }

  /** Follow the server until the page closes; returns only when a key is missing or not enough. */
  async run() {
    for (let pause = 500; ; pause = Math.min(LONGEST_PAUSE, pause * 2)) {
      try {
        await this.refresh();
        pause = 500;
        await this.#follow();
      } catch (error) {
        if (error instanceof ApiError && [401, 403].includes(error.status)) throw error;
        if (error instanceof SilentError && this.link === "polling") continue;
      }
      this.#setLink("lost");
      await new Promise((done) => setTimeout(done, pause));
    }
  }

  /** Read the status. Models with an event since the request are newer than it. */
  async refresh() {
    const asked = (this.read = performance.now());
    const status = await ask("status", { signal: AbortSignal.timeout(SILENT) });
    this.status = status;
    const ids = new Set();
    for (const model of status.models) {
      ids.add(model.id);
      const before = this.models.get(model.id);
      const isNewer = (this.touched.get(model.id) ?? 0) > asked;
      if (isNewer && before) model.state = before.state;
      this.models.set(model.id, model);
      if (!isNewer && this.link !== "connecting") this.history.reconcile(model, this.now);
    }
    for (const id of this.models.keys()) if (!ids.has(id)) this.models.delete(id);
    this.heard = Date.now();
    this.samples.note(status.gpus, this.now);
    this.#show(null);
  }

  /** Follow the events, and ask for the status besides: for counters, and for all else while a proxy holds events back. */
  async #follow() {
    const onOpen = () => {
      this.history = new History();
      this.dispatchEvent(new Event("history"));
    };
    const onBytes = () => (this.heard = Date.now());
    this.overtaken = 0;
    this.due = 0;
    this.#plan(LATER);
    try {
      await follow("events?after=0", { onOpen, onBytes, onEvent: (event) => this.#take(event) });
    } finally {
      clearTimeout(this.timer);
      this.timer = 0;
    }
  }

  #take(event) {
    if (event.kind === "caught_up") {
      this.offset = event.time - Date.now() / 1000;
      this.#setLink("live");
      for (const model of this.models.values()) this.history.reconcile(model, this.now);
      this.#show(null);
      return;
    }
    this.history.apply(event);
    if (this.link !== "live") return;
    const model = this.models.get(event.model);
    if (model && (event.kind === "failed" || event.kind in STATES)) {
      model.state = event.kind;
      this.touched.set(model.id, performance.now());
      if (event.kind === "ready") model.last_start = event.seconds ?? model.last_start;
      if (!(event.kind in SERVING)) model.running = model.waiting = 0;
      this.#show(model.id);
    }
    this.#plan(["failed", "absent", "held", "released", "reloaded", "stuck"].includes(event.kind) ? SOON : LATER);
  }

  /** Read the status after some milliseconds, or earlier if that is planned; not again right after the last time. */
  #plan(pause) {
    const due = Math.max(performance.now() + pause, this.read + LEAST);
    if (this.due > performance.now() && this.due <= due) return;
    clearTimeout(this.timer);
    this.due = due;
    this.timer = setTimeout(async () => {
      if (!document.hidden) await this.#askBesides();
      if (this.timer) this.#plan(this.link === "connecting" ? LATER : EVERY);
    }, due - performance.now());
  }

  /** Read the status while a stream of events is open. */
  async #askBesides() {
    try {
      await this.refresh();
      if (this.link !== "live" && ++this.overtaken >= OVERTAKEN) this.#setLink("polling");
    } catch {
      if (this.link === "polling") this.#setLink("lost");
    }
  }

  #setLink(link) {
    if (link === this.link) return;
    this.link = link;
    this.dispatchEvent(new Event("link"));
  }

  /** Tell the views in the next frame, once for all changes. @param {string|null} id Null for all models. */
  #show(id) {
    if (id === null) this.isAll = true;
    else this.changed.add(id);
    if (this.frame) return;
    this.frame = requestAnimationFrame(() => {
      const detail = this.isAll ? null : this.changed;
      this.frame = 0;
      this.changed = new Set();
      this.isAll = false;
      this.dispatchEvent(new CustomEvent("change", { detail }));
    });
  }
}

const SERVING = { ready: 1, draining: 1 };
const STATES = { absent: 1, stopped: 1, starting: 1, ready: 1, draining: 1, sleeping: 1, stopping: 1 };
