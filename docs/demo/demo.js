/** Answers the page's requests in place of an orchestrator, with recorded events; loading and unloading are played. */

import { EVENTS, GPUS, MODELS, REQUESTS, SAID, USAGE } from "./recorded.js";

const FASTER = 12;
const now = () => Date.now() / 1000;
const models = new Map(MODELS.map((model) => [model.id, model]));
const HOLDING = ["starting", "ready", "draining", "stopping"];
const began = now();
const since = new Map();
const listeners = new Set();
const encoder = new TextEncoder();
const json = (body, status = 200) =>
  new Response(JSON.stringify(body), { status, headers: { "Content-Type": "application/json" } });
const pause = (seconds) => new Promise((done) => setTimeout(done, (1000 * seconds) / FASTER));
const sse = (data) => encoder.encode(`data: ${JSON.stringify(data)}\n\n`);

const events = EVENTS.map(([ago, kind, model, more], index) => ({
  id: index + 1,
  time: began - ago,
  kind,
  model,
  ...more,
}));
for (const event of events) if (models.get(event.model) && event.kind !== "waited") enter(event);
Object.assign(models.get("coder"), { running: 3 });
Object.assign(models.get("chat"), { running: 1, waiting: 0 });

function enter({ kind, model: id, time }) {
  const model = models.get(id);
  model.state = kind;
  if (kind === "ready" || kind === "starting") since.set(id, time);
}

/** Publish an event as the orchestrator would. */
function publish(kind, model, more = {}) {
  const event = { id: events.length + 1, time: now(), kind, model, ...more };
  events.push(event);
  enter(event);
  for (const listener of listeners) listener.enqueue(sse(event));
}

function status() {
  const shown = [...models.values()].map((model) => ({
    ...model,
    since: model.state === "starting" ? now() - since.get(model.id) : null,
    ready: model.state === "ready" ? now() - since.get(model.id) : null,
    idle: model.state === "ready" && !model.running ? Math.min(240, now() - since.get(model.id)) : null,
  }));
  const profiles = [
    { name: "day", models: ["coder", "chat"], default: true },
    { name: "night", models: ["reasoner", "small"], default: false },
  ];
  return {
    project: "demo",
    driver: "docker",
    gpus: GPUS,
    models: shown,
    profiles,
    waiting: 0,
    queue_limit: 100,
    capture: 0,
    resumed: true,
    warnings: [],
    version: "0.1.0",
    uptime: now() - began + 3900,
    manifest: "5d8f1c0a9b3e",
  };
}

/** Choose the models that leave a GPU: those without requests first. */
function plan(ids) {
  const start = ids.filter((id) => models.get(id).state !== "ready");
  const evict = new Map();
  for (const gpu of GPUS) {
    const held = [...models.values()].filter(
      (model) => HOLDING.includes(model.state) && gpu.name in model.reservations && !start.includes(model.id),
    );
    let over = [...held, ...start.map((id) => models.get(id))].reduce(
      (sum, model) => sum + (model.reservations[gpu.name] ?? 0),
      -gpu.limit,
    );
    const victims = held.filter((model) => !ids.includes(model.id)).sort((one, other) => one.running - other.running);
    if (!start.some((id) => gpu.name in models.get(id).reservations)) continue;
    for (const victim of victims) {
      if (over <= 0) break;
      over -= victim.reservations[gpu.name];
      evict.set(victim.id, { model: victim.id, running: victim.running, reason: `${gpu.name} is full` });
    }
  }
  return { dry_run: true, models: ids, start, evict: [...evict.values()] };
}

async function unload(id, why) {
  const model = models.get(id);
  if (model.running) {
    publish("draining", id, { detail: why });
    await pause(20);
    model.running = 0;
  }
  publish("stopping", id);
  await pause(8);
  publish("stopped", id);
}

async function load(order) {
  for (const victim of order.evict) await unload(victim.model, `for ${order.start[0]}`);
  await Promise.all(
    order.start.map(async (id) => {
      const model = models.get(id);
      publish("starting", id);
      await pause(model.last_start ?? 80);
      if (id === "tuned") publish("failed", id, { detail: model.failure.message });
      else publish("ready", id, { seconds: model.last_start });
    }),
  );
}

function stream(start, signal) {
  let listener;
  const body = new ReadableStream({
    start: (controller) => start((listener = controller)),
    cancel: () => listeners.delete(listener),
  });
  signal?.addEventListener("abort", () => {
    listeners.delete(listener);
    try {
      listener.error(new DOMException("aborted", "AbortError"));
    } catch {
      /* it has ended */
    }
  });
  return new Response(body);
}

const ROUTES = [
  [/^status$/, () => json(status())],
  [
    /^events$/,
    (_, __, signal) =>
      stream((listener) => {
        for (const event of [...events, { kind: "caught_up", time: now() }]) listener.enqueue(sse(event));
        listeners.add(listener);
      }, signal),
  ],
  [
    /^switch$/,
    (_, body) => {
      const ids = body.model_id ? [body.model_id] : status().profiles.find((one) => one.name === body.profile).models;
      const order = plan(ids);
      if (!body.dry_run) load(order);
      return json(body.dry_run ? order : { status: "starting", models: ids }, body.dry_run ? 200 : 202);
    },
  ],
  [
    /^models\/(.+)\/(stop|hold|release)$/,
    ([, id, verb]) => {
      const model = models.get(id);
      if (verb !== "release" && model.state === "ready") unload(id);
      if (verb !== "stop") Object.assign(model, { held: verb === "hold", held_by: verb === "hold" ? "page" : null });
      return json(model);
    },
  ],
  [
    /^requests$/,
    () => {
      const shown = REQUESTS.map(({ ago, ...request }) => ({ ...request, time: began - ago }));
      return json({
        running: shown.filter((one) => one.state === "running").reverse(),
        ended: shown.filter((one) => one.state === "ended"),
      });
    },
  ],
  [
    /^requests\/live$/,
    (_, __, signal) => stream((listener) => listener.enqueue(encoder.encode(": listening\n\n")), signal),
  ],
  [
    /^requests\/(\d+)$/,
    ([, id]) => {
      const request = Object.assign(
        REQUESTS.find((one) => one.id === Number(id)),
        { state: "ended", outcome: "canceled" },
      );
      return json(request);
    },
  ],
  [
    /^usage$/,
    (_, __, ___, query) => {
      const by = query.get("by");
      const days = Number(query.get("days"));
      if (by !== "day") return json({ by: [by], days, rows: USAGE[by].map((one) => scale(one, days)) });
      const rows = Array.from({ length: days }, (_, ago) => ({
        ...scale(USAGE.key[0], 0.6 + ((ago * 37) % 11) / 10),
        day: new Date(Date.now() - ago * 86_400_000).toISOString().slice(0, 10),
      }));
      return json({ by: [by], days, rows });
    },
  ],
  [/^v1\/models$/, () => json({ data: [...models.keys()].map((id) => ({ id })) })],
  [
    /^logs\/(.+)$/,
    ([, id]) =>
      stream((listener) => {
        const lines = models.get(id).failure?.log ?? [
          `INFO Starting ${models.get(id).repo}`,
          "INFO Application startup complete.",
        ];
        for (const line of lines) listener.enqueue(sse(line));
      }),
  ],
  [
    /^v1\/chat\/completions$/,
    () =>
      stream(async (listener) => {
        for (const word of SAID.split(/(?<= )/)) {
          await new Promise((done) => setTimeout(done, 30));
          listener.enqueue(sse({ choices: [{ delta: { content: word } }] }));
        }
        listener.close();
      }),
  ],
  [/rerank$/, (_, body) => json((body.texts ?? []).map((text, index) => ({ index, score: 1 / (text.length + 1) })))],
];

/** Return a row of usage for more than one day. */
function scale(row, factor) {
  return Object.fromEntries(
    Object.entries(row).map(([name, value]) => [name, typeof value === "number" ? Math.round(value * factor) : value]),
  );
}

const base = new URL(".", location.href).pathname;
window.fetch = async (address, { body, signal } = {}) => {
  const { pathname, searchParams } = new URL(address, location.href);
  const path = pathname.slice(base.length);
  for (const [pattern, answer] of ROUTES) {
    const match = pattern.exec(decodeURIComponent(path));
    if (match) return answer(match, typeof body === "string" ? JSON.parse(body) : null, signal, searchParams);
  }
  return json({ detail: `the recording has no ${path}` }, 404);
};
