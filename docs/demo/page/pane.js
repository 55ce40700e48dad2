/** One conversation with one model, and how fast it answers. */

import { open } from "./api.js";
import { el, offer, say } from "./dom.js";
import { readEvents } from "./stream.js";
import { duration, plural } from "./text.js";

const EVERY = 500;

export class Pane {
  /** @param {(name: string) => any} stateOf Returns the model with a name, if it may be seen. */
  constructor(number, stateOf) {
    this.stateOf = stateOf;
    /** @type {{role: string, content: any}[]} */
    this.messages = [];
    this.abort = new AbortController();
    this.select = el("select", { id: `pane-${number}`, class: "pick" });
    this.speed = el("p.speed.muted", { role: "status" });
    this.talk = el("div.talk", { tabindex: 0, role: "log", "aria-label": `Conversation ${number}` });
    const label = el("label", {
      for: `pane-${number}`,
      class: "unseen",
      text: number === 1 ? "Model" : `Model ${number}`,
    });
    this.element = el(
      "section.pane",
      { "aria-label": `Conversation ${number}` },
      el("div.pane-head", label, this.select, this.speed),
      this.talk,
    );
  }

  offer(names, wanted) {
    offer(this.select, names, wanted);
  }

  clear() {
    this.abort.abort();
    this.messages = [];
    this.talk.replaceChildren();
    say(this.speed, "");
  }

  /** Ask the model, and show its answer as it comes. */
  async ask(content, text, settings) {
    const { system, ...parameters } = settings;
    this.abort = new AbortController();
    this.messages.push({ role: "user", content });
    this.#add("user", text);
    const answer = this.#add("assistant", "");
    const messages = system ? [{ role: "system", content: system }, ...this.messages] : this.messages;
    const body = {
      model: this.select.value,
      messages,
      stream: true,
      stream_options: { include_usage: true },
      ...parameters,
    };
    const began = performance.now();
    const waiting = setInterval(() => this.#showWait(began), EVERY);
    try {
      const said = await this.#receive(
        await open("v1/chat/completions", { body, signal: this.abort.signal }),
        answer,
        began,
        waiting,
      );
      this.messages.push({ role: "assistant", content: said });
    } catch (error) {
      if (!answer.lastElementChild.textContent) this.messages.pop();
      const stopped = this.abort.signal.aborted;
      if (!stopped) answer.append(el("p.bad", { role: "alert", text: error.message }));
      say(this.speed, stopped ? "Stopped" : "Failed");
    } finally {
      clearInterval(waiting);
      answer.classList.remove("busy");
    }
  }

  async #receive(response, answer, began, waiting) {
    let said = "",
      first = 0,
      chunks = 0,
      frame = 0;
    let usage = null;
    const [reasoning, text] = answer.querySelectorAll("p");
    let thought = "";
    const write = () => {
      frame = 0;
      const isAtEnd = this.talk.scrollHeight - this.talk.scrollTop - this.talk.clientHeight < 60;
      say(reasoning, thought);
      say(text, said);
      if (isAtEnd) this.talk.scrollTop = this.talk.scrollHeight;
      if (first) say(this.speed, describe(first - began, chunks, performance.now() - first, usage));
    };
    for await (const data of readEvents(response)) {
      if (data === null || data === "[DONE]") continue;
      const event = JSON.parse(data);
      if (event.error) throw new Error(event.error.message ?? "the stream broke");
      usage = event.usage ?? usage;
      const delta = event.choices?.[0]?.delta ?? {};
      const added = delta.content ?? "";
      thought += delta.reasoning_content ?? delta.reasoning ?? "";
      if (!added && !thought) continue;
      if (!first) {
        first = performance.now();
        clearInterval(waiting);
      }
      said += added;
      chunks += 1;
      frame ||= requestAnimationFrame(write);
    }
    cancelAnimationFrame(frame);
    write();
    return said;
  }

  #showWait(began) {
    const state = this.stateOf(this.select.value)?.state;
    const what = state === "ready" || !state ? "waiting" : `${state === "starting" ? "loading" : state}, waiting`;
    say(this.speed, `${what} ${duration((performance.now() - began) / 1000)}`);
  }

  /** @returns {any} */
  #add(role, text) {
    const added =
      role === "user"
        ? el("div.said.user", el("p", { text }))
        : el("div.said.assistant.busy", el("p.reasoning"), el("p", { text }));
    this.talk.append(added);
    this.talk.scrollTop = this.talk.scrollHeight;
    return added;
  }
}

/** Return how fast an answer came; without the engine's count, chunks stand for tokens. @param {number} wait Milliseconds. @param {number} taken Milliseconds. */
export function describe(wait, chunks, taken, usage) {
  const tokens = usage?.completion_tokens;
  const number = tokens ?? chunks;
  const rate =
    taken > 50 && number > 1
      ? ` · ${tokens ? "" : "about "}${((1000 * (number - 1)) / taken).toFixed(1)} tokens/s`
      : "";
  return `first token ${duration(wait / 1000)}${rate}${tokens ? ` · ${plural(tokens, "token")}` : ""}`;
}
