/** All about one model: why it failed, which line to change, and the errors of its engine. */

import { button, copyButton, el, facts, mark, prose } from "./dom.js";
import { clean, clock, duration, plural, reservations, tomlLines } from "./text.js";

/**
 * Show a model in a dialog.
 * @param {any} model As /status shows it.
 * @param {import("./history.js").Stay} [stay] One that failed is named, since the server knows the last failure only.
 */
export function showModel(model, stay) {
  const title = el("h2", { id: "details-title" }, mark(model.state), el("span", model.id));
  const links = el(
    "p.links",
    el("a", { href: `#log/${model.id}`, text: "Its log" }),
    el("a", { href: `#try/${model.id}`, text: "Try it" }),
  );
  const past =
    stay?.failed && !model.failure
      ? [
          el("p.bad", {
            text: `${clean(stay.failed)}, ${clock(stay.end)}. It was ready since then, so that only its log has more.`,
          }),
        ]
      : [];
  const body = [
    summary(model, stay),
    ...past,
    ...(model.failure ? failure(model) : []),
    ...model.errors.map(engineError),
  ];
  const dialog = el(
    "dialog.details",
    { "aria-labelledby": "details-title" },
    el(
      "div.dialog-head",
      title,
      button("Close", () => dialog.close()),
    ),
    ...body,
    links,
  );
  dialog.addEventListener("click", (event) => {
    const isLink = event.target instanceof Element && event.target.closest("a");
    if (event.target === dialog || isLink) dialog.close();
  });
  dialog.addEventListener("close", () => dialog.remove());
  document.body.append(dialog);
  dialog.showModal();
}

function summary(model, stay) {
  const { expected, engine, unexpected } = model.kv_cache ?? {};
  const held =
    model.held && `by ${model.held_by ?? "an operator"}${model.held_for ? `, for ${duration(model.held_for)}` : ""}`;
  const rows = [
    ["State", model.state + (model.ready !== null ? ` for ${duration(model.ready)}` : "")],
    ["Why it is loaded", model.ready !== null && reason(model)],
    [
      "This stay",
      stay?.end && `${clock(stay.start)} to ${clock(stay.end)}${stay.cause ? `: it left ${stay.cause}` : ""}`,
    ],
    ["Stuck", model.stuck],
    ["Held", held],
    ["Engine", [model.engine, model.repo].filter(Boolean).join(", ")],
    ["Other names", model.names.slice(1).join(", ")],
    ["Reserves", reservations(model)],
    ["Requests", `${model.running} in flight, ${model.waiting} in the queue`],
    ["Last start", model.last_start && duration(model.last_start)],
    [
      "KV cache",
      engine?.tokens &&
        `${plural(engine.tokens, "token")}${unexpected ? `, expected ${plural(expected.tokens, "token")}` : ""}`,
    ],
  ];
  return facts(rows.filter(([, text]) => text));
}

function reason(model) {
  if (model.running) return `${plural(model.running, "request")} in flight`;
  const idle = model.idle === null ? "" : `, idle for ${duration(model.idle)}`;
  return `It was asked for${idle}; it stays until another model needs its memory, or its idle_timeout ends`;
}

function failure(model) {
  const { failure } = model;
  const times = failure.in_a_row > 1 ? `, ${failure.in_a_row} times in a row` : "";
  const again = failure.retry_after ? ` A request starts it again in ${duration(failure.retry_after)}.` : "";
  const why = `modelgen why ${model.id}`;
  return [
    el("h3.bad", mark("failed"), el("span", `It ${clean(failure.message)}${times}`)),
    ...meaning(failure, "No known failure. Its output says more:"),
    el(
      "p.muted",
      `${again} On the host, `,
      el("code", why),
      " names the line of models.toml. ",
      copyButton(why, "the command"),
    ),
    logLines(failure),
  ];
}

function meaning(found, otherwise) {
  if (!found.meaning) return otherwise ? [el("p", otherwise)] : [];
  return [
    prose(`Meaning: ${clean(found.meaning)}`),
    prose(`What to do: ${clean(found.remedy ?? "")}`, { class: "remedy" }),
    ...found.places.map((path) => place(path, found.values[path])),
  ];
}

/** Show a key of models.toml as the lines to write. @param {number} [value] If the output names it. */
function place(path, value) {
  const lines = tomlLines(path, value);
  return el(
    "figure.place",
    el("figcaption", "models.toml: ", el("code", path), copyButton(lines, `the lines for ${path}`)),
    el("pre", lines),
  );
}

/** Show the lines around the cause, with the recognized one marked. */
function logLines(failure) {
  const said = failure.said?.trim();
  const lines = failure.log.map((line) =>
    el("span", { class: said && line.includes(said) ? "line cause" : "line", text: `${clean(line)}\n` }),
  );
  if (!lines.length) return null;
  return el(
    "figure.output",
    el("figcaption", "Its output ", copyButton(failure.log.join("\n"), "its output")),
    el("pre", { tabindex: 0, role: "region", "aria-label": "Its output" }, ...lines),
  );
}

function engineError(error) {
  const times = error.count === 1 ? "once" : plural(error.count, "time");
  const text = `It answered ${error.status} ${times}, ${duration(error.ago)} ago`;
  return el("section", el("h3", { text }), el("p", el("code", clean(error.message))), ...meaning(error));
}
