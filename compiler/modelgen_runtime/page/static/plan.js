/** What loading a model or a profile would do: the ghost in the timeline, and the sentence about it. */

import { ask } from "./api.js";
import { byId, say } from "./dom.js";
import { duration, reservations } from "./text.js";

const REST = 100;

export class Plan {
  constructor(store, timeline) {
    this.store = store;
    this.timeline = timeline;
    this.asked = 0;
    this.timer = 0;
  }

  /** Show the plan while a button has the pointer or the focus. */
  watch(button, order) {
    const begin = () => {
      clearTimeout(this.timer);
      this.timer = setTimeout(() => this.#show(button, order), REST);
    };
    button.addEventListener("pointerenter", begin);
    button.addEventListener("focus", begin);
    button.addEventListener("pointerleave", () => this.hide());
    button.addEventListener("blur", () => this.hide());
    button.addEventListener("keydown", (event) => event.key === "Escape" && this.hide());
  }

  hide() {
    clearTimeout(this.timer);
    this.asked += 1;
    this.timeline.plan([]);
    say(byId("plan"), "");
    byId("hint").hidden = true;
  }

  async #show(button, order) {
    const asked = (this.asked += 1);
    const found = await ask("switch", { body: { ...order, dry_run: true } }).catch((error) => ({ error }));
    if (asked !== this.asked || !button.isConnected) return;
    const text = found.error ? found.error.message : this.#describe(found, order);
    say(byId("plan"), text);
    this.#hint(button, text);
    const evict = found.error ? [] : found.evict.map((victim) => victim.model);
    this.timeline.plan(found.error ? [] : found.start.map((model) => ({ model, evict })));
  }

  #describe(found, order) {
    const name = order.model_id ?? order.profile;
    if (!found.start.length) return `${name} is ready`;
    const starts = found.start.map((id) => this.store.models.get(id) ?? { reservations: {} });
    const takes = starts.map(reservations).filter(Boolean);
    const evicts = found.evict.map((one) => `${one.model} (${one.running ? `${one.running} in flight` : "idle"})`);
    const times = starts.map((model) => model.last_start ?? null);
    const ready = times.includes(null)
      ? "how long it takes to load is not known yet"
      : `ready in about ${duration(Math.max(...times))}`;
    const memory = takes.length ? `takes ${takes.join(", ")}, ` : "";
    return `${name}: ${memory}${evicts.length ? `evicts ${evicts.join(", ")}` : "evicts nothing"}, ${ready}`;
  }

  #hint(button, text) {
    const hint = byId("hint");
    say(hint, text);
    hint.hidden = false;
    const at = button.getBoundingClientRect();
    const left = Math.max(8, Math.min(at.right - hint.offsetWidth, innerWidth - hint.offsetWidth - 8));
    hint.style.left = `${left + scrollX}px`;
    hint.style.top = `${at.bottom + 6 + scrollY}px`;
  }
}
