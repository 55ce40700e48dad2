/** The table of models, and its orders. */

import { ask } from "./api.js";
import { button, byId, el, mark, notify, say, setMark } from "./dom.js";
import { count, duration, plural, reservations } from "./text.js";

const WORDS = { starting: "loading", absent: "no container" };
const LOADED = new Set(["starting", "ready", "draining", "sleeping"]);

export class Models {
  /**
   * @param {(model: string) => void} onOpen Shows a model.
   */
  constructor(store, plan, onOpen) {
    this.store = store;
    this.plan = plan;
    this.onOpen = onOpen;
    /** @type {Map<string, any>} */
    this.rows = new Map();
    store.addEventListener("change", (event) => this.#update(event.detail));
    byId("filter").addEventListener("input", () => this.#filter());
  }

  /** @param {Set<string>|null} ids Null for all. */
  #update(ids) {
    const { models, status } = this.store;
    if (ids === null) {
      for (const [id, row] of this.rows) {
        if (models.has(id)) continue;
        row.element.remove();
        this.rows.delete(id);
      }
      const added = [...models.values()].filter((model) => !this.rows.has(model.id)).map((model) => this.#add(model));
      byId("models").append(...added);
      this.#showProfiles(status.profiles);
    }
    for (const id of ids ?? models.keys()) if (this.rows.has(id)) this.#show(this.rows.get(id), models.get(id));
    const ready = [...models.values()].filter((model) => model.state === "ready").length;
    say(byId("counts"), `${plural(models.size, "model")}, ${ready} ready`);
    byId("filter").hidden = models.size < 8;
    if (ids === null) this.#filter();
  }

  #add(model) {
    const { id } = model;
    // A browser forgets that a table is one where CSS lays it out as a grid: the roles say it again.
    const cell = (name) => el("td", { role: "cell", class: "number", "data-name": name });
    const word = el("span");
    const state = el("td", { role: "cell", class: "state" }, mark("stopped"), word);
    const about = el("span.about");
    const name = el("button.name", { type: "button", text: id, title: "Show the model" });
    name.addEventListener("click", () => this.onOpen(id));
    const load = button("Load", () => this.#load(id), { class: "small load" });
    const hold = button("Hold", () => this.#hold(id));
    const row = {
      element: el(
        "tr",
        { role: "row", "data-model": id },
        state,
        el("th", { role: "rowheader", scope: "row" }, name, about),
      ),
      state,
      word,
      about,
      load,
      hold,
      shape: "",
      memory: cell("GPU memory"),
      running: cell("In flight"),
      waiting: cell("Queue"),
      start: cell("Last start"),
      tokens: cell("KV tokens"),
    };
    row.element.append(
      row.memory,
      row.running,
      row.waiting,
      row.start,
      row.tokens,
      el("td", { role: "cell", class: "orders" }, load, hold),
    );
    this.plan.watch(load, { model_id: id });
    this.rows.set(id, row);
    return row.element;
  }

  #show(row, model) {
    const state = model.held && ["stopped", "failed"].includes(model.state) ? "held" : model.state;
    const reserved = reservations(model);
    const tokens = model.kv_cache?.engine?.tokens;
    const shape = JSON.stringify([
      state,
      model.running,
      model.waiting,
      model.last_start,
      tokens,
      reserved,
      model.held,
      model.stuck,
    ]);
    if (shape === row.shape) return;
    row.shape = shape;
    row.element.dataset.state = state;
    setMark(row.state.firstElementChild, state);
    say(
      row.word,
      `${WORDS[state] ?? state}${model.held && state !== "held" ? ", held" : ""}${model.stuck ? ", stuck" : ""}`,
    );
    say(row.about, [model.engine, model.repo].filter(Boolean).join(" · "));
    say(row.memory, reserved || "–");
    say(row.running, String(model.running));
    say(row.waiting, String(model.waiting));
    row.waiting.classList.toggle("some", model.waiting > 0);
    say(row.start, model.last_start === null || model.last_start === undefined ? "–" : duration(model.last_start));
    say(row.tokens, tokens ? count(tokens) : "–");
    this.#name(row.load, LOADED.has(model.state) ? "Unload" : "Load", model.id);
    this.#name(row.hold, model.held ? "Release" : "Hold", model.id);
    row.load.disabled = model.state === "absent" || model.state === "stopping" || model.held;
  }

  #name(shown, verb, id) {
    say(shown, verb);
    shown.setAttribute("aria-label", `${verb} ${id}`);
  }

  async #load(id) {
    this.plan.hide();
    const isLoaded = LOADED.has(this.store.models.get(id).state);
    if (isLoaded) await this.#order(`models/${encodeURIComponent(id)}/stop`, {});
    else await this.#order("switch", { model_id: id, wait: false });
  }

  async #hold(id) {
    const verb = this.store.models.get(id).held ? "release" : "hold";
    await this.#order(
      `models/${encodeURIComponent(id)}/${verb}`,
      verb === "hold" ? { owner: "page", wait: false } : {},
    );
    await this.store.refresh().catch(() => {});
  }

  async #order(path, body) {
    await ask(path, { body }).catch((error) => notify(error.message));
  }

  #showProfiles(profiles) {
    const shown = byId("profiles");
    const names = profiles.map((profile) => profile.name).join("\n");
    if (shown.dataset.names === names) return;
    shown.dataset.names = names;
    shown.replaceChildren(
      ...profiles.map((profile) => {
        const load = () => this.#order("switch", { profile: profile.name, wait: false });
        const made = button(profile.name, load, { "aria-label": `Load the profile ${profile.name}` });
        this.plan.watch(made, { profile: profile.name });
        return made;
      }),
    );
  }

  #filter() {
    const words = byId("filter").value.toLowerCase().split(/\s+/);
    for (const [id, row] of this.rows) {
      const text = `${id} ${row.about.textContent} ${row.word.textContent}`.toLowerCase();
      row.element.hidden = !words.every((word) => text.includes(word));
    }
  }
}
