/** Requests to the orchestrator, relative to the page, with the key in a header. */

const BASE = new URL(".", location.href);
const SLOT = `modelgen-key ${BASE.pathname}`;

/** An answer that is an error; the message is the server's sentence. */
export class ApiError extends Error {
  constructor(status, code, message) {
    super(message);
    this.status = status;
    this.code = code;
  }
}

export const hasKey = () => sessionStorage.getItem(SLOT) !== null;

export function setKey(key) {
  if (key === null) sessionStorage.removeItem(SLOT);
  else sessionStorage.setItem(SLOT, key);
}

/**
 * Send a request, and return the answer once its head is here.
 * @param {string} path Without a slash in front.
 * @param {{body?: any, method?: string, signal?: AbortSignal}} [options] A body that is no form is sent as JSON.
 * @throws {ApiError} The answer is an error. @throws {TypeError} There is no connection.
 */
export async function open(path, { body, method, signal } = {}) {
  /** @type {Record<string, string>} */
  const headers = {};
  const key = sessionStorage.getItem(SLOT);
  if (key !== null) headers.Authorization = `Bearer ${key}`;
  const isForm = body instanceof FormData;
  if (body !== undefined && !isForm) headers["Content-Type"] = "application/json";
  const answer = await fetch(new URL(path, BASE), {
    method: method ?? (body === undefined ? "GET" : "POST"),
    headers,
    body: body === undefined || isForm ? body : JSON.stringify(body),
    signal,
    cache: "no-store",
    credentials: "same-origin",
  });
  if (answer.ok) return answer;
  throw await readError(answer);
}

/**
 * Send a request, and return the JSON of its answer. It is sent again when its connection breaks: Chromium breaks new
 * ones while Docker changes the host's networks (ERR_NETWORK_CHANGED), which each start of a container does.
 */
export async function ask(path, options) {
  const answer = await open(path, options).catch((error) => {
    if (error instanceof TypeError) return open(path, options);
    throw error;
  });
  return answer.json();
}

async function readError(answer) {
  const text = await answer.text().catch(() => "");
  try {
    const { error, detail } = JSON.parse(text);
    return new ApiError(answer.status, error?.code ?? "", detail ?? error?.message ?? `HTTP ${answer.status}`);
  } catch {
    return new ApiError(answer.status, "", `HTTP ${answer.status} ${text.slice(0, 200)}`.trim());
  }
}
