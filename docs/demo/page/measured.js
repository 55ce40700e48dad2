/** What a GPU really holds, as a line over its lane, and as words. There is none without `gpu_stats`. */

import { gib } from "./text.js";

const SVG = "http://www.w3.org/2000/svg";
/** Samples of each GPU; of more, the oldest are left out. The server keeps none. */
const MOST = 2000;
/** Samples further apart are not joined: nothing was measured between them. In seconds. */
const GAP = 15;

/** @typedef {{time: number, used: number, isJoined: boolean}} Sample */

export class Samples {
  constructor() {
    /** @type {Map<string, Sample[]>} */
    this.all = new Map();
  }

  /** @param {any[]} gpus Of the status. */
  note(gpus, now) {
    for (const { name, measured } of gpus) {
      if (!measured || measured.stale) continue;
      const samples = this.all.get(name) ?? [];
      this.all.set(name, samples);
      const last = samples.at(-1);
      const time = now - measured.age;
      const isJoined = last !== undefined && time - last.time <= GAP;
      const isFlat = isJoined && last.isJoined && last.used === measured.used && samples.at(-2)?.used === measured.used;
      if (isFlat)
        last.time = time; // a straight line has two ends
      else samples.push({ time, used: measured.used, isJoined });
      if (samples.length > MOST) samples.shift();
    }
  }
}

/** Return the line, still empty. */
export function measuredLine() {
  const made = document.createElementNS(SVG, "svg");
  made.setAttribute("class", "measured");
  made.setAttribute("aria-hidden", "true");
  made.setAttribute("preserveAspectRatio", "none");
  made.append(document.createElementNS(SVG, "path"));
  return made;
}

/**
 * @param {number} memory Bytes of the GPU.
 */
export function drawMeasured(line, samples, memory, { now, range, width }) {
  const steps = [];
  for (const { time, used, isJoined } of samples) {
    const at = `${(width * (1 - (now - time) / range)).toFixed(1)} ${(100 * (1 - used / memory)).toFixed(2)}`;
    steps.push(`${isJoined && steps.length ? "L" : "M"}${at}`);
  }
  line.setAttribute("viewBox", `0 0 ${width} 100`);
  line.firstElementChild?.setAttribute("d", steps.join(""));
}

/** The driver's own part and a desktop are within what the limit leaves. @param {any} gpu Of the status. */
export function describeMeasured(gpu) {
  const { measured } = gpu ?? {};
  if (!measured) return "";
  if (measured.stale) return `last measured ${gib(measured.used)}, stale`;
  const beyond = measured.unreserved > gpu.memory - gpu.limit ? `, ${gib(measured.unreserved)} not reserved` : "";
  return `${gib(measured.used)} in use${beyond}`;
}
