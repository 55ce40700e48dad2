/** Server-Sent Events over fetch, which can send a key in a header as `EventSource` cannot. */

import { open } from "./api.js";

/** Milliseconds of silence after which a connection is dead; the server sends a comment every 15 s. */
export const SILENT = 40_000;

/** Nothing has come for too long. */
export class SilentError extends Error {}

/**
 * Follow a stream until it ends.
 * @throws {SilentError} Nothing comes. @throws {Error} The connection is lost, or was aborted.
 */
export async function follow(path, { onOpen, onEvent, onBytes, signal }) {
  const abort = new AbortController();
  const end = () => abort.abort(signal?.reason);
  signal?.addEventListener("abort", end);
  const watch = () => setTimeout(() => abort.abort(new SilentError("The server is silent")), SILENT);
  let timer = watch();
  let isOpen = false;
  try {
    for await (const data of readEvents(await open(path, { signal: abort.signal }))) {
      clearTimeout(timer);
      timer = watch();
      if (!isOpen) onOpen?.();
      isOpen = true;
      onBytes?.();
      if (data !== null) onEvent(JSON.parse(data));
    }
  } catch (error) {
    throw abort.signal.reason ?? error;
  } finally {
    clearTimeout(timer);
    signal?.removeEventListener("abort", end);
    abort.abort();
  }
}

/**
 * Yield Server-Sent Events as they arrive, and `null` for each comment.
 */
export async function* readEvents(answer) {
  const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      const parts = (rest + value).split(/\r?\n\r?\n/);
      rest = parts.pop() ?? "";
      for (const part of parts) yield readEvent(part);
    }
  } finally {
    reader.cancel().catch(() => {});
  }
}

function readEvent(part) {
  const lines = part.split(/\r?\n/).filter((line) => line.startsWith("data:"));
  return lines.length ? lines.map((line) => line.slice(line[5] === " " ? 6 : 5)).join("\n") : null;
}
