"""What engines say when they fail, and what it means: data, one row a pattern, the most telling first."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Sequence

_LONGEST_LINE = 4000


@dataclass(frozen=True, slots=True)
class Meaning:
    """What a failure means, and what to change; both begin like a clause."""

    meaning: str
    remedy: str


class _Row(NamedTuple):
    """A pattern that is searched in each line, the last line first; patterns have no nested repetition."""

    pattern: re.Pattern[str]
    meaning: str
    remedy: str


def _row(pattern: str, meaning: str, remedy: str) -> _Row:
    return _Row(re.compile(pattern), meaning, remedy)


_HUB = "check `[project] hub`, run `modelgen lock` and `modelgen fetch`, then build again"
_ROWS = (
    # vllm#10974 and the incident: 0.11.0 and 0.32.0, run on CPU.
    _row(
        r"Repo id must be in the form", "the model is a path that is not there", "write the repository's id as `repo`"
    ),
    _row(
        r"LocalEntryNotFoundError|Cannot find an appropriate cached snapshot|couldn't find them in the cached files",
        "the model is not in the hub directory, or another revision of it",
        _HUB,
    ),
    _row(
        r"Invalid repository ID or local directory specified",
        "the folder of the model has no config.json, or its links lead nowhere",
        _HUB,
    ),
    _row(
        r"Free memory on device",
        "another process holds memory of the card, or the share is too high",
        "stop what else runs there, or lower `gpu_memory` or the card's `limit`",
    ),
    _row(
        r"No available memory for the cache blocks|To serve at least one request|larger than the maximum number of tok",
        "the card has no room for the KV cache of one whole context",
        "lower `max-model-len` in `args`, or raise `gpu_memory`",
    ),
    _row(
        r"CUDA out of memory|OutOfMemoryError|HIP out of memory|failed to allocate CUDA\d* buffer",
        "the card is full",
        "lower `max-num-seqs` or `max-model-len` in `args`, or raise `gpu_memory`",
    ),
    # vllm#47387, #54652.
    _row(
        r"UVA is not available",
        "this vLLM needs pinned memory, which WSL2 gives only when told to",
        'write `platform = "wsl2"` in `[host]` and build again',
    ),
    # vllm#22525, harmony#101.
    _row(
        r"HarmonyError|o200k_base|error downloading or loading vocab file",
        "gpt-oss's vocabulary, which is on no hub, is missing",
        "run `modelgen lock` and `modelgen fetch`, then build again",
    ),
    # vllm#18813.
    _row(
        r"unsatisfied condition: cuda|CUDA driver version is insufficient",
        "the driver is older than the image's CUDA",
        "update the driver, or choose an older `image`",
    ),
    _row(
        r"Insufficient space in /dev/shm|No space left on device: '/dev/shm|bus error",
        "shared memory is too small",
        'write `compose = { shm_size = "16gb" }`',
    ),
    _row(
        r"LoRA rank \d+ is greater than max_lora_rank",
        "an adapter has a higher rank than is allowed",
        "raise `max-lora-rank` in `args`, or run `modelgen lock`, which finds it",
    ),
    _row(
        r"getpwuid\(\): uid not found",
        "the user of the container has no name in the image",
        'write `env = { USER = "engine" }`, or another `compose.user`',
    ),
    _row(
        r"trust_remote_code=True|set the option .trust_remote_code",
        "the model brings code of its own",
        "write `trust_remote_code = true` if you trust it",
    ),
    _row(
        r"unrecognized arguments|unknown argument|error: invalid argument|unexpected argument",
        "the engine does not know one of its flags",
        "run `modelgen validate`; mend `args`, or `version` where the image's tag tells none",
    ),
    _row(
        r"[Aa]ddress already in use|EADDRINUSE",
        "its port is taken",
        "stop what else listens there; a start chooses another port",
    ),
    _row(
        r"Sleep mode is not supported on current platform",
        "sleep needs an NVIDIA or AMD card",
        'write `switch = "restart"`',
    ),
    _row(
        r"No module named|ModuleNotFoundError|No package metadata was found",
        "the engine's installation lacks a package",
        "install it beside the engine, or use another `image`",
    ),
    _row(r"Permission denied|PermissionError", "a file is not readable for the engine", "run `modelgen verify`"),
    _row(
        r"No space left on device",
        "a disk is full",
        "make room where the engine's caches and logs are",
    ),
)
_KILLED = Meaning(
    "it was killed, most likely since the machine's memory is full",
    "lower what it loads at once, or give the machine or the container more memory",
)


def explain_failure(exit_code: int | None, lines: Sequence[str]) -> Meaning | None:
    """Return what an engine's last lines mean, or None where that is not known.

    Args:
        exit_code: Of its process, negative for a signal; None where nobody can tell.
        lines: What it printed last, the oldest first.
    """
    for row in _ROWS:
        if any(row.pattern.search(line[:_LONGEST_LINE]) for line in reversed(lines)):
            return Meaning(row.meaning, row.remedy)
    return _KILLED if exit_code in (137, -9) else None
