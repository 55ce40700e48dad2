"""vLLM's environment variables: which release reads which, and which names are really flags."""

from __future__ import annotations

import json
from functools import cache
from typing import TYPE_CHECKING, Any, NamedTuple

from modelgen.engines.catalogue import DATA, catalogue, nearest, release_numbers

if TYPE_CHECKING:
    from modelgen.engines.versions import Version

PREFIX = "VLLM_"
_ENGINE = "vllm"


class Readers(NamedTuple):
    """The first and the last release that read a variable; `last` is None where the newest still does."""

    first: str
    last: str | None


@cache
def readers() -> dict[str, Readers]:
    """Return the variables of vllm/envs.py in any known release."""
    lives = _data()["variables"]
    return {name: Readers(life[0], life[1] if len(life) > 1 else None) for name, life in lives.items()}


@cache
def _nearest(version: Version) -> tuple[int, bool]:
    return nearest(_releases(), version.release, 2)


@cache
def _releases() -> list[tuple[int, ...]]:
    return [release_numbers(name) for name in _data()["versions"]]


@cache
def _data() -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads((DATA / f"{_ENGINE}_variables.json").read_bytes())
    return loaded


def is_read(name: str, version: Version) -> bool:
    """Return whether the release that speaks for a version reads the variable."""
    life = readers().get(name)
    if life is None:
        return False
    known = _releases()
    at = _nearest(version)[0]
    last = len(known) if life.last is None else known.index(release_numbers(life.last))
    return known.index(release_numbers(life.first)) <= at <= last


def is_newer(version: Version) -> bool:
    """Return whether a version is newer than the data."""
    return _nearest(version)[1]


# Names that public files give to variables of other names.
MEANT = {"LOG_LEVEL": "VLLM_LOGGING_LEVEL", "VLLM_LOG_LEVEL": "VLLM_LOGGING_LEVEL"}


def flag_meant(name: str) -> str | None:
    """Return the flag of vLLM that a variable's name spells: `VLLM_MAX_MODEL_LEN` and `MAX_MODEL_LEN` set nothing.

    Public files write these (facts: 17 of 229), and no release ever read them.
    """
    if name in readers():
        return None
    bare = name.removeprefix(PREFIX)
    flag = bare.lower().replace("_", "-")
    known = catalogue(_ENGINE).lives(flag)
    if name != bare:
        return flag if known or flag == "model" else None
    return flag if known and flag in _BARE else None


def first_numbers(name: str) -> tuple[int, ...]:
    """Return the numbers of the first release that reads a variable."""
    return release_numbers(readers()[name].first)


# What took the part of variables that are gone.
INSTEAD = {
    "VLLM_ALL2ALL_BACKEND": "write `args.all2all-backend`",
    "VLLM_ATTENTION_BACKEND": "write `args.attention-backend`",
    "VLLM_FLASH_ATTN_VERSION": "write `args.attention-config`",
    "VLLM_TORCH_PROFILER_DIR": "write `args.profiler-config`",
    "VLLM_USE_TRTLLM_ATTENTION": "write `args.attention-config`",
    "VLLM_USE_V1": "remove it: the old engine is gone",
}

# Without the prefix many flags are other programs' variables (HOST, PORT, SEED): only names that can mean nothing else.
_BARE = frozenset(
    {"dtype", "enforce-eager", "gpu-memory-utilization", "kv-cache-dtype", "max-model-len", "max-num-batched-tokens"}
    | {"max-num-seqs", "quantization", "served-model-name", "tensor-parallel-size", "trust-remote-code"}
)
