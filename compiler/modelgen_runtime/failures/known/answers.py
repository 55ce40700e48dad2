"""Errors in the answers of ready engines: the model, or its arguments, do not support the request."""

from __future__ import annotations

from modelgen_runtime.failures.known.saying import Saying

SAYINGS = (
    Saying(
        "engine-dead",
        None,
        r"EngineCore encountered an issue|EngineDeadError|Background loop has errored",
        "the engine process behind the API server has died",
        "the orchestrator restarts it; `modelgen logs` shows why it died",
        "vllm/v1/engine/exceptions.py",
    ),
    Saying(
        "no-auto-tool-choice",
        "vllm",
        r'\\?"auto\\?" tool choice requires --enable-auto-tool-choice',
        "the request has tools, but the model was started without tool calling",
        "set `enable-auto-tool-choice = true` and `tool-call-parser` in its `args`",
        "vllm/entrypoints/openai/chat_completion/serving.py",
        ("args.enable-auto-tool-choice", "args.tool-call-parser"),
    ),
    Saying(
        "route-not-of-model",
        None,
        r"The model does not support .{0,60}API|does not support the Scoring API",
        "the model does not support this route",
        "use a route that it supports, or set `runner` in its `args` (`pooling` for embeddings, rerank and scores)",
        "vllm/entrypoints/openai/api_server.py",
        ("args.runner", "args.convert"),
    ),
    Saying(
        "not-a-reranker",
        None,
        r"[Mm]odel is not a (?:classifier|re-ranker) model|is not a cross-encoder|does not support reranking",
        "the model is not a reranker, or was not started as one",
        'set `runner = "pooling"` and `hf-overrides` in its `args` (vLLM), or `reranking = true` (llama.cpp)',
        "text-embeddings-inference: core/src/infer.rs",
        ("repo", "args.runner", "args.hf-overrides", "args.reranking"),
    ),
    Saying(
        "not-an-embedding-model",
        None,
        r"[Mm]odel is not an embedding model|does not support embeddings|This server does not support",
        "the model does not create embeddings, or was not started to do so",
        'for vLLM set `runner = "pooling"` in its `args`, for SGLang `is-embedding = true`, for llama.cpp '
        "`embeddings = true`",
        "text-embeddings-inference: core/src/infer.rs",
        ("repo", "args.runner", "args.is-embedding", "args.embeddings"),
    ),
    Saying(
        "request-too-long",
        None,
        r"maximum context length is (?P<most>[0-9]{1,12})|exceeds the available context size|longer than the model's",
        "the request is longer than the context length that the model was started with",
        "raise `max-model-len` (SGLang: `context-length`, llama.cpp: `ctx-size`) in its `args`, or shorten the request",
        "vllm/entrypoints/openai/engine/serving.py",
        ("args.max-model-len", "args.context-length", "args.ctx-size"),
        "it accepts {most} tokens: raise `max-model-len` (SGLang: `context-length`) in its `args`, "
        "or shorten the request",
    ),
    Saying(
        "request-too-long",
        None,
        r"must have less than (?P<most>[0-9]{1,9}) tokens|input is too large to process",
        "the request is longer than the model accepts",
        "raise `ubatch-size` (llama.cpp) in its `args`, set `auto-truncate = true` (TEI), or shorten the request",
        "text-embeddings-inference: core/src/tokenization.rs",
        ("args.auto-truncate", "args.ubatch-size"),
        "it accepts {most} tokens: set `auto-truncate = true` (TEI) in its `args`, or shorten the request",
    ),
    Saying(
        "too-many-images",
        "vllm",
        r"At most (?P<most>[0-9]{1,6}) (?:image|audio|video).{0,3} may be provided",
        "the request has more images, videos or audio files than the model was started for",
        "raise `limit-mm-per-prompt` in its `args`",
        "vllm/multimodal",
        ("args.limit-mm-per-prompt",),
        "it accepts {most} per request: raise `limit-mm-per-prompt` in its `args`",
    ),
)
