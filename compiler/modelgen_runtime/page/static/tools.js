/** Reranking and transcription, in one field each. */

import { ask } from "./api.js";
import { el, offer, say } from "./dom.js";

const RERANK = ["/v1/rerank", "/rerank"];
const TRANSCRIBE = ["/v1/audio/transcriptions"];

/**
 * Make the frame of a tool: a model, one field, a button and the result.
 */
function frame(chat, name, routes, field, hint, run) {
  const id = `tool-${name.toLowerCase()}`;
  const select = el("select", { "aria-label": `Model for ${name}` });
  const button = el("button.primary", name);
  const result = el("div.result", { role: "status" });
  field.id = id;
  const form = el(
    "form.composer",
    el("label", { for: id, class: "muted", text: hint }),
    field,
    el("div.actions", button),
    result,
  );
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    button.disabled = true;
    say(result, "Waiting");
    await run(select.value, result).catch((error) => result.replaceChildren(el("p.bad", error.message)));
    button.disabled = false;
  });
  const element = el("section.panel", { "aria-label": name }, el("div.panel-head", el("h2", name), select), form);
  const update = () => {
    const names = chat.having(routes);
    element.hidden = names.length === 0;
    offer(select, names);
  };
  return { element, offer: update };
}

export function rerankTool(chat) {
  const field = el("textarea", { rows: 4, required: true });
  const hint = "The question in the first line, then one document in each line";
  return frame(chat, "Rerank", RERANK, field, hint, async (model, result) => {
    const [query, ...documents] = field.value
      .split("\n")
      .map((line) => line.trim())
      .filter(Boolean);
    const isTei = !(chat.modelOf(model)?.routes ?? RERANK).includes("/v1/rerank");
    const body = isTei ? { model, query, texts: documents, documents } : { model, query, documents };
    const answer = await ask(isTei ? "rerank" : "v1/rerank", { body });
    const scores = (answer.results ?? answer).map((one) => ({
      text: documents[one.index],
      score: one.relevance_score ?? one.score,
    }));
    scores.sort((one, other) => other.score - one.score);
    result.replaceChildren(
      el("ol", ...scores.map((one) => el("li", el("b", one.score.toFixed(3)), el("span", ` ${one.text}`)))),
    );
  });
}

export function transcribeTool(chat) {
  const field = el("input", { type: "file", accept: "audio/*,video/*", required: true });
  return frame(chat, "Transcribe", TRANSCRIBE, field, "An audio file", async (model, result) => {
    const body = new FormData();
    body.append("model", model);
    body.append("file", field.files[0]);
    result.replaceChildren(el("p", { text: (await ask("v1/audio/transcriptions", { body })).text }));
  });
}
