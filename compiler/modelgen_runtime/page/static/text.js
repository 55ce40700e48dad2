/** Numbers, times and foreign text in the form that people read. */

const LONGEST = 4000;
const CONTROLS = /[\x00-\x08\x0b-\x1f\x7f-\x9f]/g;
// They reorder what is around them, so that a line can look like another one (Unicode TR 36).
const DIRECTIONS = /[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]/g;

/** Return a foreign line without control characters, at most 4,000 characters of it. */
export function clean(line) {
  const rest = line.length - LONGEST;
  const shown = (rest > 0 ? line.slice(0, LONGEST) : line)
    .replace(CONTROLS, "")
    .replace(DIRECTIONS, (one) => `<U+${one.charCodeAt(0).toString(16).toUpperCase().padStart(4, "0")}>`);
  return rest > 0 ? `${shown} … ${count(rest)} more characters` : shown;
}

export const count = (number) => Math.round(number).toLocaleString("en-US");

export function gib(bytes) {
  const size = bytes / 2 ** 30;
  return `${size < 100 ? size.toFixed(1).replace(".0", "") : Math.round(size)} GiB`;
}

export function duration(seconds) {
  if (seconds < 0.995) return `${Math.round(1000 * seconds)} ms`;
  if (seconds < 10) return `${seconds.toFixed(1)} s`;
  if (seconds < 120) return `${Math.round(seconds)} s`;
  if (seconds < 7200) return `${Math.round(seconds / 60)} min`;
  return seconds < 172_800 ? `${Math.round(seconds / 3600)} h` : `${Math.round(seconds / 86_400)} days`;
}

/** Return a time of day. @param {number} seconds Since 1970. @param {boolean} [isShort] Without seconds. */
export function clock(seconds, isShort = false) {
  return new Date(seconds * 1000).toTimeString().slice(0, isShort ? 5 : 8);
}

export const plural = (number, one, many = `${one}s`) => `${count(number)} ${number === 1 ? one : many}`;

/** Return what a model reserves, such as "16 GiB on gpu0". @param {any} model As /status shows it. */
export const reservations = (model) =>
  Object.entries(model.reservations)
    .map(([gpu, size]) => `${gib(Number(size))} on ${gpu}`)
    .join(", ");

/**
 * Return a dotted path of models.toml as the lines to write: its table, and its key.
 * @param {string} path Such as `models."qwen2.5".args.max-model-len`.
 * @param {number|string} [value] Empty where it is not known.
 */
export function tomlLines(path, value = "") {
  const keys = path.match(/"(?:[^"\\]|\\.)*"|[^.]+/g) ?? [path];
  const line = `${keys.pop()} = ${value}`;
  return keys.length ? `[${keys.join(".")}]\n${line}` : line;
}
