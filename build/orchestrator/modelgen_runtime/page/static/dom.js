/** Elements, without HTML in strings: text is always set as text. */

/**
 * Make an element.
 * @param {string} tag
 * @param {Record<string, any>} [props] `class`, `text`, `on…` listeners; anything else is an attribute, false is left out.
 * @param {...(Node|string|null)} children
 */
export function el(tag, props = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(props)) {
    if (value === undefined || value === null || value === false) continue;
    if (name === "class") made.className = value;
    else if (name === "text") made.textContent = value;
    else if (name.startsWith("on")) made.addEventListener(name.slice(2), value);
    else made.setAttribute(name, value === true ? "" : value);
  }
  made.append(...children.filter((child) => child !== null));
  return made;
}

/** Return the element with an id. @param {string} id @returns {any} */
export const byId = (id) => document.getElementById(id);

const SVG = "http://www.w3.org/2000/svg";

/** Return the mark of a state: its shape and its colour. @param {string} state */
export function mark(state) {
  const made = document.createElementNS(SVG, "svg");
  const use = document.createElementNS(SVG, "use");
  made.setAttribute("aria-hidden", "true");
  made.append(use);
  setMark(made, state);
  return made;
}

/** @param {SVGElement} made @param {string} state */
export function setMark(made, state) {
  made.setAttribute("class", `mark ${state}`);
  made.firstElementChild?.setAttribute("href", `#${state}`);
}

/** Return a paragraph in which `code` is code. */
export function prose(text, props = {}) {
  const parts = text.split(/`([^`]+)`/);
  return el("p", props, ...parts.map((part, index) => (index % 2 ? el("code", { text: part }) : part)));
}

/** Set the text of an element, and leave it alone when it is the same. @param {Element} element @param {string} text */
export function say(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

/** Return a button that copies a text. @param {string} text @param {string} what Name of the text. */
export function copyButton(text, what) {
  const button = el("button", { class: "small", type: "button", text: "Copy", "aria-label": `Copy ${what}` });
  button.addEventListener("click", async () => {
    button.textContent = (await copy(text)) ? "Copied" : "Press Ctrl+C";
    setTimeout(() => (button.textContent = "Copy"), 2000);
  });
  return button;
}

/** Browsers have a clipboard only over HTTPS and on localhost. @param {string} text */
async function copy(text) {
  if (navigator.clipboard)
    return navigator.clipboard.writeText(text).then(
      () => true,
      () => false,
    );
  const field = el("textarea", { class: "unseen", "aria-hidden": "true" });
  field.value = text;
  (document.querySelector("dialog[open]") ?? document.body).append(field);
  field.select();
  const isDone = document.execCommand("copy");
  field.remove();
  return isDone;
}

/** Show a message for some seconds. @param {string} text @param {"bad"|"good"} kind */
export function notify(text, kind = "bad") {
  const notice = el("p", { class: `notice ${kind}`, role: kind === "bad" ? "alert" : "status" }, text);
  const close = el("button", { class: "small", type: "button", "aria-label": "Close the message", text: "×" });
  close.addEventListener("click", () => notice.remove());
  notice.append(close);
  const shown = byId("notices");
  shown.append(notice);
  while (shown.children.length > 3) shown.firstChild.remove();
  setTimeout(() => notice.remove(), kind === "bad" ? 20_000 : 5_000);
}
