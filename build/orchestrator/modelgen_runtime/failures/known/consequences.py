"""What is said by a process that only noticed another one's end: it counts where no cause was printed at all."""

from __future__ import annotations

from modelgen_runtime.failures.known.saying import TESTED, Saying

_MEMORY = (
    "look at `dmesg` for `Out of memory`; give the container more memory (`mem_limit` in its `compose` table, where it "
    "is set), load fewer models, or lower `max-model-len` in its `args`"
)

SAYINGS = (
    Saying(
        "engine-core-died",
        "vllm",
        r"died unexpectedly \(exit code: -9\)|Failed core proc\(s\): .{0,80}: -9\b",
        "a process of it was killed, by the kernel if memory was full",
        _MEMORY,
        "vllm/v1/executor/multiproc_executor.py",
        ("compose.mem_limit", "args.max-model-len"),
    ),
    Saying(
        "engine-core-died",
        "vllm",
        r"(?:Engine core|Worker) proc .{0,80} died unexpectedly|EngineCore died unexpectedly",
        "its inner process ended without a word, most likely killed because memory was full",
        _MEMORY,
        "vllm/v1/engine/core_client.py",
        ("compose.mem_limit", "args.max-model-len"),
    ),
    Saying(
        "engine-core-silent",
        "vllm",
        r"Engine core initialization failed|EngineCore encountered an issue|Engine process failed to start",
        "its inner process failed. The cause stands above this line; if none does, the process was most likely "
        "killed because memory was full",
        f"look at `modelgen logs`; if there is no other error, {_MEMORY}",
        TESTED,
        ("compose.mem_limit", "args.max-model-len"),
    ),
    Saying(
        "scheduler-died",
        "sglang",
        r"scheduler (?:is dead|died)|child process failed|Initialization failed\. Please see the error",
        "its inner process failed. The cause stands above this line; if none does, the process was most likely "
        "killed because memory was full",
        _MEMORY,
        "sglang/srt/entrypoints/engine.py",
        ("compose.mem_limit", "args.context-length"),
    ),
    Saying(
        "model-not-loaded",
        "llamacpp",
        r"exiting due to model loading error|failed to load model",
        "the model could not be loaded, and the reason stands above this line",
        "look at `modelgen logs`; run `modelgen verify`, and look at `file` and the `image`",
        "llama.cpp: tools/server/server.cpp",
        ("file", "image"),
    ),
)
