/** The dialog that asks for a key. */

import { hasKey, setKey } from "./api.js";
import { el } from "./dom.js";

/** Ask for a key, and return once one is there; one that was refused is forgotten. */
export function askForKey() {
  const wasWrong = hasKey();
  setKey(null);
  const field = el("input", {
    type: "password",
    id: "key",
    autocomplete: "current-password",
    required: true,
    "aria-describedby": "key-why",
  });
  const text = wasWrong
    ? "This key is wrong: the server does not know it."
    : "This server asks for an API key. The page keeps it until this tab is closed.";
  const form = el(
    "form",
    { method: "dialog", class: "composer" },
    el("h2", { id: "key-title", text: "API key" }),
    el("p", { id: "key-why", class: wasWrong ? "bad" : "muted", role: wasWrong ? "alert" : null, text }),
    el("label", { for: "key", text: "Key" }),
    field,
    el("div.actions", el("button.primary", "Use it")),
  );
  const dialog = el("dialog.details", { "aria-labelledby": "key-title" }, form);
  dialog.addEventListener("cancel", (event) => event.preventDefault());
  document.body.append(dialog);
  dialog.showModal();
  return new Promise((done) =>
    form.addEventListener("submit", () => {
      setKey(field.value.trim());
      dialog.remove();
      done(undefined);
    }),
  );
}
