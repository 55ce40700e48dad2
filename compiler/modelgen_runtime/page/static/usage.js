/** Tokens by model, by key and by day, as small charts. */

import { ask } from "./api.js";
import { choice, el, legend, say } from "./dom.js";
import { count, plural } from "./text.js";

/** @type {[string, number][]} */
const DAYS = [
  ["Today", 1],
  ["7 days", 7],
  ["30 days", 30],
];
const PARTS = [
  ["prompt", "tokens in requests"],
  ["completion", "tokens in answers"],
];
const MOST = 8;

export class Usage {
  constructor() {
    this.days = 1;
    const days = choice("Counted days", DAYS, this.days, (chosen) => {
      this.days = chosen;
      this.read();
    });
    this.state = el("p.muted", { role: "status" });
    this.charts = el("div.charts");
    this.element = el(
      "section.panel",
      { "aria-label": "Usage" },
      el("div.panel-head", el("h2", "Usage"), this.state, days.element),
      this.charts,
      legend(PARTS.map(([part, text]) => [`part-${part}`, text])),
    );
  }

  async read() {
    const groups = this.days === 1 ? ["model", "key"] : ["model", "key", "day"];
    const found = await Promise.all(groups.map((by) => ask(`usage?by=${by}&days=${this.days}`))).catch((error) =>
      say(this.state, error.message),
    );
    if (!found) return;
    const total = found[0].rows.reduce(
      (sum, row) => ({ requests: sum.requests + row.requests, unknown: sum.unknown + row.unknown }),
      { requests: 0, unknown: 0 },
    );
    say(
      this.state,
      plural(total.requests, "request") + (total.unknown ? `, the tokens of ${count(total.unknown)} are unknown` : ""),
    );
    this.charts.replaceChildren(...groups.map((by, index) => chart(by, found[index].rows)));
  }
}

const tokens = (row) => row.prompt_tokens + row.completion_tokens;

/** Draw one bar for each name: tokens of requests, then of answers. */
function chart(by, rows) {
  const sorted = [...rows].sort((one, other) =>
    by === "day" ? one.day.localeCompare(other.day) : tokens(other) - tokens(one),
  );
  const shown = by === "day" ? sorted : sorted.slice(0, MOST);
  const most = Math.max(1, ...shown.map(tokens));
  const bars = shown.map((row) => {
    const parts = PARTS.map(([part]) => {
      const bar = el("i", { class: `part-${part}` });
      bar.style.width = `${(100 * row[`${part}_tokens`]) / most}%`;
      return bar;
    });
    const title = `${count(row.prompt_tokens)} in requests (${count(row.cached_tokens)} cached), ${count(row.completion_tokens)} in answers, ${plural(row.requests, "request")}`;
    return el(
      "li",
      { title },
      el("span.chart-name", { text: row[by] ?? "no key" }),
      el("span.bar", { "aria-hidden": "true" }, ...parts),
      el("span.chart-count", { text: count(tokens(row)) }),
    );
  });
  const rest = sorted.length - shown.length;
  return el(
    "figure.chart",
    el("figcaption", { text: `Tokens by ${by}${rest > 0 ? `, ${rest} more not shown` : ""}` }),
    el("ol.plain", ...(bars.length ? bars : [el("li.muted", "none yet")])),
  );
}
