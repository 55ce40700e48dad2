/** Elements, without HTML in strings: text is always set as text. */

import { clean } from "./text.js";

/**
 * Make an element.
 * @param {string} name Its tag, and its classes behind points.
 * @param {Record<string, any>} [props] `text`, `class`, `on…` listeners; anything else is an attribute, false is left out.
 *   What is a text or a node is the first child instead.
 */
export function el(name, props = {}, ...children) {
  if (typeof props === "string" || props instanceof Node) return el(name, {}, props, ...children);
  const [tag, ...classes] = name.split(".");
  const made = document.createElement(tag);
  if (classes.length) made.className = classes.join(" ");
  for (const [key, value] of Object.entries(props)) {
    if (value === undefined || value === null || value === false) continue;
    if (key === "class") made.className = value;
    else if (key === "text") made.textContent = value;
    else if (key.startsWith("on")) made.addEventListener(key.slice(2), value);
    else made.setAttribute(key, value === true ? "" : value);
  }
  made.append(...children.filter((child) => child !== null));
  return made;
}

/** Return a small button. @param {Record<string, any>} [props] As for `el`. */
export const button = (text, onclick, props = {}) => el("button.small", { type: "button", text, onclick, ...props });

/**
 * Return buttons of which one is pressed.
 * @param {[string, number][]} options Texts and values.
 * @param {(value: number) => void} onChoose
 */
export function choice(label, options, chosen, onChoose) {
  const press = (value) =>
    options.forEach((option, index) => made.children[index].setAttribute("aria-pressed", String(option[1] === value)));
  const buttons = options.map(([text, value]) => {
    const onclick = () => {
      press(value);
      onChoose(value);
    };
    return el("button", { type: "button", text, onclick });
  });
  const made = el("div.choice", { role: "group", "aria-label": label }, ...buttons);
  press(chosen);
  return { element: made, press };
}

/** Return what colours mean. @param {string[][]} items Classes and texts. */
export const legend = (items) =>
  el(
    "ul.legend",
    { "aria-hidden": "true" },
    ...items.map(([name, text]) => el("li", el("i", { class: `key ${name}` }), text)),
  );

/** Return names with their values, which may be foreign. @param {any[][]} rows */
export const facts = (rows) =>
  el("dl.facts", ...rows.flatMap(([name, value]) => [el("dt", name), el("dd", clean(String(value)))]));

/** Offer names in a select, and keep the chosen one. */
export function offer(select, names, chosen = select.value) {
  select.replaceChildren(...names.map((name) => el("option", { value: name, text: name })));
  if (names.includes(chosen)) select.value = chosen;
}

/** Return the element with an id. */
export const byId = (id) => document.getElementById(id);

const SVG = "http://www.w3.org/2000/svg";

/** Return the mark of a state: its shape and its colour. */
export function mark(state) {
  const made = document.createElementNS(SVG, "svg");
  const use = document.createElementNS(SVG, "use");
  made.setAttribute("aria-hidden", "true");
  made.append(use);
  setMark(made, state);
  return made;
}

export function setMark(made, state) {
  made.setAttribute("class", `mark ${state}`);
  made.firstElementChild?.setAttribute("href", `#${state}`);
}

/** Return a paragraph in which `code` is code. */
export function prose(text, props = {}) {
  const parts = text.split(/`([^`]+)`/);
  return el("p", props, ...parts.map((part, index) => (index % 2 ? el("code", part) : part)));
}

/** Set the text of an element, and leave it alone when it is the same. */
export function say(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

/** Return a button that copies a text. @param {string} what Name of the text. */
export function copyButton(text, what) {
  const run = async () => {
    say(made, (await copy(text)) ? "Copied" : "Press Ctrl+C");
    setTimeout(() => say(made, "Copy"), 2000);
  };
  const made = button("Copy", run, { "aria-label": `Copy ${what}` });
  return made;
}

/** Browsers have a clipboard only over HTTPS and on localhost. */
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

/** Show a message for some seconds. */
export function notify(text, kind = "bad") {
  const notice = el("p", { class: `notice ${kind}`, role: kind === "bad" ? "alert" : "status" }, text);
  notice.append(button("×", () => notice.remove(), { "aria-label": "Close the message" }));
  const shown = byId("notices");
  shown.append(notice);
  while (shown.children.length > 3) shown.firstChild.remove();
  setTimeout(() => notice.remove(), kind === "bad" ? 20_000 : 5_000);
}
