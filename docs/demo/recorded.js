/** What an orchestrator has recorded: two GPUs, and an afternoon on them. */

const GIB = 2 ** 30;

export const GPUS = [
  { name: "gpu0", memory: 24 * GIB, limit: 22.5 * GIB },
  { name: "gpu1", memory: 80 * GIB, limit: 76 * GIB },
];

const CHAT = ["/v1/chat/completions", "/v1/completions"];
const model = (id, engine, repo, gpu, gib, start, tokens, routes = CHAT) => ({
  id, names: [id], engine, repo, routes, state: "stopped", wanted: false, held: false, held_by: null, held_for: null,
  running: 0, waiting: 0, reservations: gpu ? { [gpu]: gib * GIB } : {}, since: null, ready: null, idle: null,
  last_start: start, kv_cache: { expected: null, engine: tokens ? { tokens } : null, unexpected: false },
  stuck: null, failure: null, errors: [],
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
  message: "ended before it was ready (exit code 1)", exit_code: 1, name: "context-too-long-for-cache",
  said: "ValueError: To serve at least one request with the models's max seq len (131072), (16.00 GiB KV cache is needed, " +
    "which is larger than the available KV cache memory (1.43 GiB).",
  meaning: "The memory that is left for the KV cache does not hold one request of the longest length",
  remedy: "lower `--max-model-len`, or raise `gpu_memory`", places: ["models.tuned.args.max-model-len", "models.tuned.gpu_memory"],
  in_a_row: 2, retry_after: 0, log: [
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
  [3900, "starting", "embed"], [3896, "ready", "embed", { seconds: 4 }], [3895, "starting", "rerank"],
  [3890, "ready", "rerank", { seconds: 5 }], [3880, "starting", "reasoner"], [3749, "ready", "reasoner", { seconds: 131 }],
  [3700, "starting", "chat"], [3662, "ready", "chat", { seconds: 38 }], [3620, "starting", "small"],
  [3611, "ready", "small", { seconds: 9 }], [2790, "waited", "coder", { seconds: 100 }],
  [2890, "draining", "reasoner", { detail: "for coder" }], [2868, "stopping", "reasoner"], [2864, "stopped", "reasoner"],
  [2864, "starting", "coder"], [2790, "ready", "coder", { seconds: 74 }], [2480, "draining", "chat", { detail: "for tuned" }],
  [2440, "stopping", "chat"], [2437, "stopped", "chat"], [2437, "stopping", "small"], [2434, "stopped", "small"],
  [2434, "starting", "tuned"], [2352, "failed", "tuned", { detail: "ended before it was ready (exit code 1)" }],
  [2352, "starting", "small"], [2343, "ready", "small", { seconds: 9 }], [2342, "starting", "chat"],
  [2304, "ready", "chat", { seconds: 38 }], [2304, "waited", "chat", { seconds: 130 }], [1750, "starting", "vision"],
  [1698, "ready", "vision", { seconds: 52 }], [1698, "waited", "vision", { seconds: 52 }], [1300, "draining", "chat", { detail: "for tuned" }],
  [1262, "stopping", "chat"], [1260, "stopped", "chat"], [1260, "stopping", "small"], [1258, "stopped", "small"], [1258, "starting", "tuned"],
  [1176, "failed", "tuned", { detail: "ended before it was ready (exit code 1)" }], [1176, "starting", "chat"],
  [1138, "ready", "chat", { seconds: 38 }], [1138, "waited", "chat", { seconds: 120 }], [900, "stopping", "vision"], [896, "stopped", "vision"],
  [640, "starting", "small"], [631, "ready", "small", { seconds: 9 }], [330, "waited", "vision", { seconds: 52 }],
  [382, "starting", "vision"], [330, "ready", "vision", { seconds: 52 }],
].sort((one, other) => other[0] - one[0]);

export const SAID = "This page is a recording: no model answers here. On your own machine, `modelgen serve` or `modelgen up` " +
  "starts the models, and this field talks to them, alone or two side by side.";
