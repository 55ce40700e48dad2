/** Requests as they come, and what they used. */

import { ask } from "./api.js";
import { button, byId, el, legend, notify, say } from "./dom.js";
import { follow } from "./stream.js";
import { clock, count, duration } from "./text.js";
import { Usage } from "./usage.js";

const MOST = 200;
const AGAIN = 3000;
const USAGE_AGAIN = 15;
const COLUMNS = ["Time", "Model", "Key", "State", "Phases", "Took", "Tokens", "Tokens/s"];
const OUTCOMES = { client_left: "client left", engine_died: "engine died" };

export class Activity {
  constructor() {
    this.usage = new Usage();
    this.seconds = 0;
    this.abort = new AbortController();
    this.abort.abort();
    /** @type {Map<number, {request: any, cells: any, row: HTMLElement, at: number}>} */
    this.shown = new Map();
    this.filter = el("input", { type: "search", placeholder: "Filter", "aria-label": "Filter the requests" });
    this.state = el("p.muted", { role: "status" });
    // The roles of the table are said again for a narrow window, as in the table of models.
    this.body = el("tbody", { role: "rowgroup" });
    const heads = COLUMNS.map((text) => el("th", { scope: "col", text }));
    const head = el("tr", { role: "row" }, ...heads, el("th", { scope: "col" }, el("span.unseen", "Cancel")));
    const table = el("table.requests", { role: "table" }, el("thead", { role: "rowgroup" }, head), this.body);
    byId("activity").append(
      this.usage.element,
      el(
        "section.panel",
        { "aria-label": "Requests" },
        el("div.panel-head", el("h2", "Requests"), this.state, this.filter),
        el("div.wide", { tabindex: 0, role: "region", "aria-label": "Table of requests" }, table),
        legend(PHASES.map(([name, text]) => [`phase-${name}`, text])),
      ),
    );
    this.filter.addEventListener("input", () => this.#filter());
    setInterval(() => this.abort.signal.aborted || document.hidden || this.#tick(), 1000);
  }

  show() {
    this.usage.read();
    if (this.abort.signal.aborted) this.#run((this.abort = new AbortController()).signal);
  }

  hide() {
    this.abort.abort();
  }

  async #run(signal) {
    const read = () => this.#read().catch((error) => say(this.state, error.message));
    while (!signal.aborted) {
      await read();
      await follow("requests/live", {
        onOpen: read,
        onEvent: (event) => event.kind === "request" && this.#take(event),
        signal,
      }).catch(() => {});
      await new Promise((done) => setTimeout(done, AGAIN));
    }
  }

  async #read() {
    const { running, ended } = await ask(`requests?limit=${MOST}`);
    for (const request of [...ended.reverse(), ...running]) this.#take(request);
  }

  #take(request) {
    let entry = this.shown.get(request.id);
    if (!entry) {
      entry = this.#add(request);
      this.shown.set(request.id, entry);
      this.body.prepend(entry.row);
      const [oldest] = this.shown.keys();
      if (this.shown.size > MOST) {
        this.shown.get(oldest)?.row.remove();
        this.shown.delete(oldest);
      }
    }
    Object.assign(entry, { request, at: performance.now() });
    this.#show(entry);
    this.#filter([entry]);
  }

  #add(request) {
    const cells = COLUMNS.map((name) => el("td", { role: "cell", "data-name": name }));
    const name = request.variant ? `${request.model}:${request.variant}` : request.model;
    const abort = () => ask(`requests/${request.id}`, { method: "DELETE" }).catch((error) => notify(error.message));
    const cancel = button("Cancel", abort, { "aria-label": `Cancel request ${request.id}` });
    say(cells[0], clock(request.time));
    cells[1].append(el("b", name), el("span.about", request.route));
    say(cells[2], request.key ?? "–");
    cells[4].append(
      el("div.phases-bar", { role: "img" }, ...PHASES.map(([phase]) => el("i", { class: `phase-${phase}` }))),
    );
    const row = el("tr", { role: "row" }, ...cells, el("td", { role: "cell" }, cancel));
    return { request, cells, row, cancel, at: 0 };
  }

  #show({ request, cells, cancel, at }) {
    const runs = request.state !== "ended";
    const seconds = request.seconds + (runs ? (performance.now() - at) / 1000 : 0);
    const outcome =
      request.outcome === "done" || request.outcome === "refused"
        ? request.status
        : (OUTCOMES[request.outcome] ?? request.outcome);
    say(cells[3], runs ? request.state : String(outcome));
    cells[3].className = runs ? "muted" : request.outcome === "done" && request.status < 400 ? "" : "bad";
    say(cells[5], duration(seconds));
    const { prompt_tokens: prompt, completion_tokens: completion } = request;
    say(
      cells[6],
      prompt === null && completion === null
        ? runs
          ? ""
          : "unknown"
        : `${count(prompt ?? 0)} → ${count(completion ?? 0)}`,
    );
    say(cells[7], request.tokens_per_second === null ? "" : request.tokens_per_second.toFixed(1));
    cancel.hidden = !runs;
    const parts = phases(request, seconds);
    const bar = cells[4].firstElementChild;
    bar.setAttribute("aria-label", parts.map((part, index) => `${PHASES[index][1]} ${duration(part)}`).join(", "));
    bar.title = bar.getAttribute("aria-label");
    parts.forEach((part, index) => (bar.children[index].style.width = `${(100 * part) / (seconds || 1)}%`));
  }

  #tick() {
    this.seconds += 1;
    if (this.seconds % USAGE_AGAIN === 0) this.usage.read();
    let running = 0;
    for (const entry of this.shown.values()) {
      if (entry.request.state === "ended") continue;
      running += 1;
      this.#show(entry);
    }
    say(this.state, `${count(running)} running, the last ${count(this.shown.size - running)} that ended`);
  }

  #filter(entries = this.shown.values()) {
    const words = this.filter.value.toLowerCase().split(/\s+/);
    for (const { row } of entries) {
      const text = row.textContent.toLowerCase();
      row.hidden = !words.every((word) => text.includes(word));
    }
  }
}

const PHASES = [
  ["queue", "queue"],
  ["load", "load"],
  ["first", "first byte"],
  ["answer", "answer"],
];

/** Return the seconds of each phase. */
function phases(request, seconds) {
  const { queue_seconds: queue, load_seconds: load, first_byte_seconds: first } = request;
  if (request.state === "waiting") return load > 0 ? [queue, seconds - queue, 0, 0] : [seconds, 0, 0, 0];
  const until = first ?? seconds;
  return [queue, load, Math.max(0, until - queue - load), Math.max(0, seconds - until)];
}
