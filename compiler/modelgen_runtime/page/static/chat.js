/** Try it: a chat with one model or two side by side, and one field each for reranking and transcription. */

import { ask } from "./api.js";
import { button, byId, el, notify } from "./dom.js";
import { Pane } from "./pane.js";
import { rerankTool, transcribeTool } from "./tools.js";

const CHAT = "/v1/chat/completions";
const LARGEST_IMAGE = 10 * 2 ** 20;

export class Chat {
  constructor(store) {
    this.store = store;
    this.image = null;
    /** @type {{id: string, parent?: string}[]} As /v1/models lists them; a variant has a parent. */
    this.listed = [];
    this.panes = [1, 2].map((number) => new Pane(number, (name) => this.modelOf(name)));
    this.panes[1].element.hidden = true;
    this.tools = [rerankTool(this), transcribeTool(this)];
    byId("try").append(this.#makePanel(), ...this.tools.map((tool) => tool.element));
  }

  #makePanel() {
    this.compare = el("input", { type: "checkbox", id: "compare" });
    const head = el(
      "div.panel-head",
      el("h2", "Chat"),
      el("label.check", this.compare, " Two side by side"),
      button("Clear", () => this.panes.forEach((pane) => pane.clear())),
    );
    this.compare.addEventListener("change", () => {
      this.panes[1].element.hidden = !this.compare.checked;
      this.panesBox.classList.toggle("two", this.compare.checked);
    });
    this.panesBox = el("div.panes", ...this.panes.map((pane) => pane.element));
    return el("section.panel", { "aria-label": "Chat" }, head, this.panesBox, this.#makeForm());
  }

  #makeForm() {
    this.text = el("textarea", { rows: 2, placeholder: "Message", "aria-label": "Message", required: true });
    this.send = el("button.primary", "Send");
    this.stop = el("button", { type: "button", text: "Stop", hidden: true });
    this.file = el("input", { type: "file", accept: "image/*", class: "unseen", id: "image" });
    this.thumb = el("img.thumb", { alt: "The image to send", hidden: true });
    const attach = el("label", { for: "image", class: "button small", text: "Image" });
    const field = (name, props) =>
      el("label", el("span", name), (this[`of${name.split(" ")[0]}`] = el(props.rows ? "textarea" : "input", props)));
    const settings = el(
      "details.settings",
      el("summary", "Settings"),
      el(
        "div.fields",
        field("System prompt", { rows: 2 }),
        field("Temperature", { type: "number", min: 0, max: 2, step: 0.1, placeholder: "default" }),
        field("Longest answer", { type: "number", min: 1, step: 1, placeholder: "default" }),
        field("Stop at", { type: "text", placeholder: "words, one a comma" }),
      ),
    );
    const form = el(
      "form.composer",
      this.text,
      el("div.actions", this.thumb, this.file, attach, this.stop, this.send),
      settings,
    );
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      this.#submit();
    });
    this.text.addEventListener("keydown", (event) => {
      if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
      event.preventDefault();
      form.requestSubmit();
    });
    this.stop.addEventListener("click", () => this.panes.forEach((pane) => pane.abort.abort()));
    this.file.addEventListener("change", () => this.#attach(this.file.files[0]));
    return form;
  }

  /** Offer the names that the server lists. */
  async show(wanted) {
    const listed = await ask("v1/models").catch((error) => (notify(error.message), { data: [] }));
    this.listed = listed.data;
    const [first, second] = this.panes;
    const chats = this.having([CHAT]);
    first.offer(chats, wanted);
    second.offer(chats, second.select.value || chats.find((name) => name !== first.select.value));
    for (const tool of this.tools) tool.offer();
  }

  /** Return the model with a name or a variant; undefined where models may not be seen. */
  modelOf(name) {
    const parent = this.listed.find((one) => one.id === name)?.parent;
    return [...this.store.models.values()].find((model) => model.id === parent || model.names.includes(name));
  }

  /** Return the names of models that have one of some routes; all names where routes may not be seen. */
  having(routes) {
    const names = this.listed.map((one) => one.id);
    return names.filter((name) => routes.some((route) => this.modelOf(name)?.routes.includes(route) ?? true));
  }

  async #attach(file) {
    this.thumb.hidden = true;
    this.image = null;
    if (!file) return;
    if (file.size > LARGEST_IMAGE) {
      notify(`The image has ${Math.round(file.size / 2 ** 20)} MiB; the page sends at most 10 MiB`);
      return;
    }
    this.image = await new Promise((done) => {
      const reader = new FileReader();
      reader.onload = () => done(reader.result);
      reader.readAsDataURL(file);
    });
    if (this.thumb.src) URL.revokeObjectURL(this.thumb.src);
    this.thumb.src = URL.createObjectURL(file);
    this.thumb.hidden = false;
  }

  async #submit() {
    const text = this.text.value;
    if (!text.trim() || this.send.disabled) return;
    const content =
      this.image === null
        ? text
        : [
            { type: "text", text },
            { type: "image_url", image_url: { url: this.image } },
          ];
    const shown = this.image === null ? text : `${text}\n[${this.file.files[0]?.name ?? "image"}]`;
    this.text.value = this.file.value = "";
    this.image = null;
    this.thumb.hidden = true;
    this.send.disabled = true;
    this.stop.hidden = false;
    const asked = this.compare.checked ? this.panes : [this.panes[0]];
    await Promise.all(asked.map((pane) => pane.ask(content, shown, this.#settings())));
    this.send.disabled = false;
    this.stop.hidden = true;
  }

  /** Return what is set; the rest is the engine's default. */
  #settings() {
    const stop = this.ofStop.value
      .split(",")
      .map((word) => word.trim())
      .filter(Boolean);
    return {
      system: this.ofSystem.value.trim(),
      ...(this.ofTemperature.value !== "" && { temperature: Number(this.ofTemperature.value) }),
      ...(this.ofLongest.value !== "" && { max_tokens: Number(this.ofLongest.value) }),
      ...(stop.length && { stop }),
    };
  }
}
