/** What an orchestrator has recorded: two GPUs, and an afternoon on them. */

const GIB = 2 ** 30;

/** What NVML says of a GPU. */
const measured = (gib) => ({ used: gib * GIB, unreserved: 0, age: 0.4, stale: false });

export const GPUS = [
  { name: "gpu0", memory: 24 * GIB, limit: 22.5 * GIB, measured: measured(19.4) },
  { name: "gpu1", memory: 80 * GIB, limit: 76 * GIB, measured: measured(66.2) },
];

const CHAT = ["/v1/chat/completions", "/v1/completions"];
const model = (id, engine, repo, gpu, gib, start, tokens, routes = CHAT) => ({
  id,
  names: [id],
  engine,
  repo,
  routes,
  state: "stopped",
  wanted: false,
  held: false,
  held_by: null,
  held_for: null,
  running: 0,
  waiting: 0,
  reservations: gpu ? { [gpu]: gib * GIB } : {},
  since: null,
  ready: null,
  idle: null,
  last_start: start,
  kv_cache: { expected: null, engine: tokens ? { tokens } : null, unexpected: false },
  stuck: null,
  failure: null,
  errors: [],
});

export const MODELS = [
  model("coder", "vllm", "Qwen/Qwen3-Coder-30B-A3B-Instruct-FP8", "gpu1", 46, 74, 268_112),
  model("chat", "vllm", "Qwen/Qwen3-14B-AWQ", "gpu0", 16, 38, 41_376),
  model("small", "llamacpp", "unsloth/gemma-3-4b-it-GGUF", "gpu0", 6, 9, 32_768),
  model("vision", "vllm", "Qwen/Qwen2.5-VL-7B-Instruct", "gpu1", 22, 52, 118_640),
  model("reasoner", "sglang", "openai/gpt-oss-120b", "gpu1", 70, 131, 402_176),
  model("tuned", "vllm", "local/tuned-8b", "gpu0", 18, null, null),
  model("embed", "tei", "BAAI/bge-m3", null, 0, 4, null, ["/v1/embeddings", "/embed"]),
  model("rerank", "tei", "BAAI/bge-reranker-v2-m3", null, 0, 5, null, ["/rerank"]),
];

MODELS[5].failure = {
  message: "ended before it was ready (exit code 1)",
  exit_code: 1,
  name: "context-too-long-for-cache",
  said:
    "ValueError: To serve at least one request with the models's max seq len (131072), (16.00 GiB KV cache is needed, " +
    "which is larger than the available KV cache memory (1.43 GiB). Based on the available memory, the estimated maximum " +
    "model length is 11712.",
  meaning: "the KV cache is too small for one request of the maximum length",
  remedy: "lower `max-model-len` in its `args` (11712 would fit), or raise `gpu_memory`",
  places: ["models.tuned.args.max-model-len", "models.tuned.gpu_memory"],
  values: { "models.tuned.args.max-model-len": 11712 },
  in_a_row: 2,
  retry_after: 0,
  log: [
    "INFO [gpu_model_runner.py:2653] Model loading took 15.27 GiB and 6.41 seconds",
    "INFO [gpu_worker.py:298] Available KV cache memory: 1.43 GiB",
    "ERROR [core.py:708] EngineCore failed to start.",
    "ValueError: To serve at least one request with the models's max seq len (131072), (16.00 GiB KV cache is needed, " +
      "which is larger than the available KV cache memory (1.43 GiB). Based on the available memory, the estimated maximum " +
      "model length is 11712.",
  ],
};
MODELS[5].state = "failed";

/** Seconds before now, kind, model, and what is known besides. */
export const EVENTS = [
  [3900, "starting", "embed"],
  [3896, "ready", "embed", { seconds: 4 }],
  [3895, "starting", "rerank"],
  [3890, "ready", "rerank", { seconds: 5 }],
  [3880, "starting", "reasoner"],
  [3749, "ready", "reasoner", { seconds: 131 }],
  [3700, "starting", "chat"],
  [3662, "ready", "chat", { seconds: 38 }],
  [3620, "starting", "small"],
  [3611, "ready", "small", { seconds: 9 }],
  [2790, "waited", "coder", { seconds: 100 }],
  [2890, "draining", "reasoner", { detail: "for coder" }],
  [2868, "stopping", "reasoner"],
  [2864, "stopped", "reasoner"],
  [2864, "starting", "coder"],
  [2790, "ready", "coder", { seconds: 74 }],
  [2480, "draining", "chat", { detail: "for tuned" }],
  [2440, "stopping", "chat"],
  [2437, "stopped", "chat"],
  [2437, "stopping", "small"],
  [2434, "stopped", "small"],
  [2434, "starting", "tuned"],
  [2352, "failed", "tuned", { detail: "ended before it was ready (exit code 1)" }],
  [2352, "starting", "small"],
  [2343, "ready", "small", { seconds: 9 }],
  [2342, "starting", "chat"],
  [2304, "ready", "chat", { seconds: 38 }],
  [2304, "waited", "chat", { seconds: 130 }],
  [1750, "starting", "vision"],
  [1698, "ready", "vision", { seconds: 52 }],
  [1698, "waited", "vision", { seconds: 52 }],
  [1300, "draining", "chat", { detail: "for tuned" }],
  [1262, "stopping", "chat"],
  [1260, "stopped", "chat"],
  [1260, "stopping", "small"],
  [1258, "stopped", "small"],
  [1258, "starting", "tuned"],
  [1176, "failed", "tuned", { detail: "ended before it was ready (exit code 1)" }],
  [1176, "starting", "chat"],
  [1138, "ready", "chat", { seconds: 38 }],
  [1138, "waited", "chat", { seconds: 120 }],
  [900, "stopping", "vision"],
  [896, "stopped", "vision"],
  [640, "starting", "small"],
  [631, "ready", "small", { seconds: 9 }],
  [330, "waited", "vision", { seconds: 52 }],
  [382, "starting", "vision"],
  [330, "ready", "vision", { seconds: 52 }],
].sort((one, other) => other[0] - one[0]);

const KEYS = ["webui", "ci", "anna"];
/** Requests: seconds before now, model, key, queue, load, first byte, seconds, tokens of the request and of the answer, outcome. */
export const REQUESTS = [
  [3, "coder", 0, 0, 0, 0.4, null, null, null],
  [6, "coder", 1, 0, 0, 0.3, null, null, null],
  [11, "coder", 0, 0, 0, 0.5, null, null, null],
  [14, "chat", 2, 0, 0, 0.2, null, null, null],
  [22, "chat", 0, 0, 0, 0.2, 3.1, 412, 148],
  [31, "coder", 1, 0.1, 0, 0.9, 12.4, 8210, 902],
  [48, "embed", 1, 0, 0, 0.02, 0.02, 512, 0],
  [70, "small", 2, 0, 0, 0.1, 1.2, 96, 71],
  [95, "rerank", 1, 0, 0, 0.05, 0.05, null, null],
  [120, "chat", 0, 0, 0, 0.2, 6.6, 1320, 331, "client_left"],
  [200, "coder", 0, 0, 0, 0.6, 22.1, 15400, 1710],
  [382, "vision", 2, 0.4, 52, 53.1, 57.9, 1833, 214],
  [640, "small", 0, 0, 9, 9.2, 10.4, 210, 88],
  [1258, "tuned", 2, 38, 82, null, 120.2, null, null, "refused"],
].map(([ago, model, key, queue, load, first, seconds, prompt, completion, outcome], index) => ({
  id: 5120 - index,
  ago,
  model,
  variant: null,
  key: KEYS[key],
  state: seconds === null ? "running" : "ended",
  route: { embed: "/v1/embeddings", rerank: "/rerank" }[model] ?? "/v1/chat/completions",
  outcome: seconds === null ? null : (outcome ?? "done"),
  status: seconds === null ? null : outcome === "refused" ? 503 : 200,
  queue_seconds: queue,
  load_seconds: load,
  first_byte_seconds: first,
  seconds: seconds ?? ago,
  prompt_tokens: prompt,
  cached_tokens: prompt === null ? null : Math.round(prompt / 3),
  completion_tokens: completion,
  tokens_per_second: completion ? completion / (seconds - first) : null,
  received_bytes: 4000,
  sent_bytes: 9000,
}));

const row = (name, value, requests, unknown, prompt, completion) => ({
  [name]: value,
  requests,
  unknown,
  prompt_tokens: prompt,
  cached_tokens: Math.round(prompt / 3),
  completion_tokens: completion,
});
export const USAGE = {
  model: [
    row("model", "coder", 412, 0, 2_914_220, 388_410),
    row("model", "chat", 903, 2, 701_390, 214_870),
    row("model", "embed", 5120, 0, 644_210, 0),
    row("model", "reasoner", 61, 0, 204_114, 171_650),
    row("model", "vision", 74, 0, 98_120, 15_230),
    row("model", "small", 240, 0, 51_040, 20_115),
  ],
  key: [
    row("key", "ci", 5480, 0, 2_410_500, 240_120),
    row("key", "webui", 1102, 2, 1_690_330, 402_600),
    row("key", "anna", 228, 0, 512_264, 167_555),
  ],
};

export const SAID =
  "This page is a recording: no model answers here. On your own machine, `modelgen serve` or `modelgen up` " +
  "starts the models, and this field talks to them, alone or two side by side.";
