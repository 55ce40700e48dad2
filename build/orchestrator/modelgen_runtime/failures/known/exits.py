"""Exit codes of engines without a known message."""

from __future__ import annotations

from modelgen_runtime.failures.known.saying import TESTED, ExitRow

_CPU_CACHE = "env.VLLM_CPU_KVCACHE_SPACE"
_LESS_CACHE = ("vllm", ", or on a CPU lower VLLM_CPU_KVCACHE_SPACE in `env`", _CPU_CACHE)
OWN_LIMIT = ExitRow(
    "memory-limit",
    frozenset(),
    "the kernel killed one of its processes because the container reached its memory limit",
    "raise `host_memory` of the model (or `compose.mem_limit`), or remove it",
    "docker inspect: OOMKilled",
    ("host_memory", "compose.mem_limit"),
    ("vllm", "; on a CPU it needs memory for its KV cache besides the weights", _CPU_CACHE),
)
NOT_OWN_LIMIT = ExitRow(
    "killed",
    frozenset({137}),
    "it was killed, but not because of its own memory limit: by the kernel because the host's memory was full, or by "
    "`kill -9`",
    "check `dmesg` for `Out of memory`; load fewer models",
    "docker inspect: OOMKilled",
    more=_LESS_CACHE,
)

EXITS = (
    ExitRow(
        "killed",
        frozenset({137, -9}),
        "it was killed, most often by the kernel because the host's memory was full",
        "check `dmesg` for `Out of memory`; load fewer models",
        TESTED,
        more=_LESS_CACHE,
    ),
    ExitRow(
        "illegal-instruction",
        frozenset({132, -4}),
        "the processor does not have an instruction that the engine uses, such as AVX2",
        "use an `image` or a build for this processor",
        "signal(7)",
        ("image", "command"),
    ),
    ExitRow(
        "crashed",
        frozenset({139, -11, 134, -6, 135, -7}),
        "it crashed in native code",
        "use another version of the engine (`image`) or the driver; the log shows where it crashed",
        "signal(7)",
        ("image", "command"),
    ),
    ExitRow(
        "ended-by-somebody",
        frozenset({143, -15, 130, -2}),
        "a signal from outside ended it",
        "start it again; engines are stopped by `modelgen`, not by hand",
        "signal(7)",
    ),
    ExitRow(
        "program-missing",
        frozenset({126, 127}),
        "its program is missing, or cannot be run",
        "correct the first word of `command`, or the `image`",
        "sh(1), docker run",
        ("command", "image"),
    ),
)
