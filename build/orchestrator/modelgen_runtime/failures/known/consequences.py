"""Messages of a process that only noticed the end of another one. They count if no cause was printed."""

from __future__ import annotations

from modelgen_runtime.failures.known.saying import TESTED, Saying

_MEMORY = (
    "check `dmesg` for `Out of memory`; give the container more memory (`host_memory` or `compose.mem_limit`, if one "
    "is set), load fewer models, or lower `max-model-len` in its `args`"
)

SAYINGS = (
    Saying(
        "engine-core-died",
        "vllm",
        r"died unexpectedly \(exit code: -9\)|Failed core proc\(s\): .{0,80}: -9\b",
        "one of its processes was killed, probably by the kernel because memory was full",
        _MEMORY,
        "vllm/v1/executor/multiproc_executor.py",
        ("host_memory", "compose.mem_limit", "args.max-model-len"),
    ),
    Saying(
        "engine-core-died",
        "vllm",
        r"(?:Engine core|Worker) proc .{0,80} died unexpectedly|EngineCore died unexpectedly",
        "its engine process ended without a message; most likely the kernel killed it because memory was full",
        _MEMORY,
        "vllm/v1/engine/core_client.py",
        ("host_memory", "compose.mem_limit", "args.max-model-len"),
    ),
    Saying(
        "engine-core-silent",
        "vllm",
        r"Engine core initialization failed|EngineCore encountered an issue|Engine process failed to start",
        "its engine process failed. The log shows the cause above this line; if not, the kernel most likely killed "
        "the process because memory was full",
        f"run `modelgen logs`; if there is no other error, {_MEMORY}",
        TESTED,
        ("host_memory", "compose.mem_limit", "args.max-model-len"),
    ),
    Saying(
        "scheduler-died",
        "sglang",
        r"scheduler (?:is dead|died)|child process failed|Initialization failed\. Please see the error",
        "its engine process failed. The log shows the cause above this line; if not, the kernel most likely killed "
        "the process because memory was full",
        _MEMORY,
        "sglang/srt/entrypoints/engine.py",
        ("host_memory", "compose.mem_limit", "args.context-length"),
    ),
    Saying(
        "model-not-loaded",
        "llamacpp",
        r"exiting due to model loading error|failed to load model",
        "the model could not be loaded; the log shows the reason above this line",
        "run `modelgen logs` and `modelgen verify`; check `file` and `image`",
        "llama.cpp: tools/server/server.cpp",
        ("file", "image"),
    ),
)
