"""Paths of models.toml whose change fixes a failure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from modelgen_runtime.manifest import dotted

if TYPE_CHECKING:
    from collections.abc import Iterable

    from modelgen_runtime.failures.explanation import Meaning
    from modelgen_runtime.manifest import Model

_WHOLE_FILE = ("host.", "project.", "orchestrator.")


_OF_CONTAINERS = frozenset({"image", "compose"})
_NOT_OF_COMMAND = frozenset({"revision", "file", "loras", "include", "exclude", "trust_remote_code"})
_NEVER_ADDED = frozenset(
    {
        "revision",
        "include",
        "exclude",
        "loras",
        "env.PYTORCH_CUDA_ALLOC_CONF",
        "args.attention-backend",
        "args.cache-type-v",
        "args.enable-sleep-mode",
        "args.kv-cache-dtype",
        "args.moe-backend",
        "args.pipeline-parallel-size",
        "args.quantization",
        "args.speculative-config",
    }
)
"""Keys that are only corrected or removed where they are written, and never added."""

_FLAG_OF = {
    "args.auto-truncate": "tei",
    "args.context-length": "sglang",
    "args.ctx-size": "llamacpp",
    "args.embeddings": "llamacpp",
    "args.hf-overrides": "vllm",
    "args.is-embedding": "sglang",
    "args.reranking": "llamacpp",
    "args.runner": "vllm",
    "args.convert": "vllm",
    "args.tokenizer": "vllm",
    "args.ubatch-size": "llamacpp",
}
"""Flags that only one engine has, among those in remedies for several engines."""


def places_of(model: Model, keys: Iterable[str]) -> tuple[str, ...]:
    """Return the dotted paths of keys in models.toml; for an absent key, the path at which to add it.

    Args:
        model: The model. Keys that do not apply to it are left out.
        keys: Keys of its table, such as `image` or `args.max-model-len`; of the tables of its engine and its GPUs,
            such as `engine.version` and `gpu.limit`; or of [host], [project] and [orchestrator].
    """
    return tuple(dict.fromkeys(place for key in keys for place in _places(model, key)))


def values_of(model: Model, meaning: Meaning) -> dict[str, int]:
    """Return the value to write at a place, if the output names it; a `command` is only written as a whole."""
    if meaning.value is None or model.engine == "command":
        return {}
    return dict.fromkeys(places_of(model, meaning.keys[:1]), meaning.value)


def _places(model: Model, key: str) -> list[str]:
    if key.startswith(_WHOLE_FILE):
        return [key]
    table, _, name = key.partition(".")
    if table == "gpu":
        return [dotted("gpus", gpu, name) for gpu in model.reservations]
    if table == "engine" and name:
        return [] if model.engine == "command" else [dotted("engines", model.engine, name)]
    if table in _OF_CONTAINERS and model.process is not None:
        return []
    if key in model.sources:
        return [model.sources[key]]
    if model.engine == "command" and table in {"args", "repo"}:  # all that it runs is its `command`
        key = "command"
    elif not _can_be_added(model, key):
        return []
    return [model.sources.get(key) or dotted("models", model.id, *key.split(".", 1))]


def _can_be_added(model: Model, key: str) -> bool:
    if key in _NEVER_ADDED or _FLAG_OF.get(key, model.engine) != model.engine:
        return False
    if model.engine == "command":
        return key not in _NOT_OF_COMMAND and not key.startswith("env.VLLM_")
    return key != "command" and (key != "file" or model.engine == "llamacpp")
