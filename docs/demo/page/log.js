/** The output of one engine as it comes. */

import { button, byId, el, offer, say } from "./dom.js";
import { follow } from "./stream.js";
import { clean, count } from "./text.js";

const MOST = 2000;
const RECENT = 500;

export class Log {
  constructor(store) {
    this.store = store;
    this.model = "";
    this.abort = new AbortController();
    this.held = [];
    this.isPaused = false;
    this.frame = 0;
    this.select = el("select", { id: "log-model" });
    this.search = el("input", { type: "search", placeholder: "Search", "aria-label": "Search in the log" });
    this.pause = button("Pause", () => this.#toggle(), { "aria-pressed": "false" });
    this.state = el("p.muted", { role: "status" });
    this.lines = el("pre.log", {
      tabindex: 0,
      role: "log",
      "aria-live": "off",
      "aria-label": "Output of the engine",
    });
    const head = el(
      "div.panel-head",
      el("h2", "Log"),
      el("label", { for: "log-model", class: "unseen", text: "Model" }),
      this.select,
      this.search,
      this.pause,
      this.state,
    );
    byId("log").append(el("section.panel", head, this.lines));
    this.select.addEventListener("change", () => (location.hash = `#log/${this.select.value}`));
    this.search.addEventListener("input", () => this.#filter());
  }

  /** Follow a model, or the last one. */
  show(wanted) {
    const ids = [...this.store.models.keys()];
    const model = wanted && ids.includes(wanted) ? wanted : this.model || ids[0];
    if (!model) return;
    offer(this.select, ids, model);
    if (model !== this.model || this.abort.signal.aborted) this.#follow(model);
  }

  hide() {
    this.abort.abort();
  }

  async #follow(model) {
    this.abort.abort();
    const abort = (this.abort = new AbortController());
    this.model = model;
    this.held = [];
    this.lines.replaceChildren();
    say(this.state, "Waiting for output");
    try {
      const path = `logs/${encodeURIComponent(model)}?follow=true&lines=${RECENT}`;
      await follow(path, { onEvent: (line) => this.#take(line), signal: abort.signal });
      say(this.state, "The log has ended");
    } catch (error) {
      if (!abort.signal.aborted) say(this.state, `No log: ${error.message}`);
    } finally {
      if (abort === this.abort && !abort.signal.aborted) abort.abort();
    }
  }

  #take(line) {
    this.held.push(clean(line));
    if (this.held.length > MOST) this.held.shift();
    if (!this.isPaused && !this.frame) this.frame = requestAnimationFrame(() => this.#write());
    if (this.isPaused) say(this.state, `Paused, ${count(this.held.length)} more`);
  }

  /** Add what has come since the last frame. */
  #write() {
    this.frame = 0;
    const { lines } = this;
    const isAtEnd = lines.scrollHeight - lines.scrollTop - lines.clientHeight < 40;
    const added = this.held.map((text) => this.#match(el("span.line", `${text}\n`)));
    this.held = [];
    lines.append(...added);
    for (let over = lines.children.length - MOST; over > 0; over -= 1) lines.firstChild?.remove();
    say(this.state, this.search.value ? (this.state.textContent ?? "") : `Live, ${count(lines.children.length)} lines`);
    if (isAtEnd) lines.scrollTop = lines.scrollHeight;
  }

  #match(line) {
    line.hidden = !line.textContent.toLowerCase().includes(this.search.value.toLowerCase());
    return line;
  }

  #filter() {
    for (const line of this.lines.children) this.#match(line);
    const shown = [...this.lines.children].filter((line) => !line.hidden).length;
    say(this.state, `${count(shown)} of ${count(this.lines.children.length)} lines`);
  }

  #toggle() {
    this.isPaused = !this.isPaused;
    this.pause.setAttribute("aria-pressed", String(this.isPaused));
    say(this.pause, this.isPaused ? "Go on" : "Pause");
    if (this.isPaused) say(this.state, "Paused");
    else this.#write();
  }
}
