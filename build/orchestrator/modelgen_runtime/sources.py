"""Paths of models.toml whose change fixes a failure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from modelgen_runtime.manifest import dotted

if TYPE_CHECKING:
    from collections.abc import Iterable

    from modelgen_runtime.manifest import Model

_WHOLE_FILE = ("host.", "project.", "orchestrator.")


def places_of(model: Model, keys: Iterable[str]) -> tuple[str, ...]:
    """Return the dotted paths of keys in models.toml; of a key that nobody wrote, the path to write it at.

    Args:
        model: Whose keys they are.
        keys: Of its table, such as `image` or `args.max-model-len`; of its engine's and of each of its cards', such as
            `engine.version` and `gpu.limit`; or of [host], [project] and [orchestrator].
    """
    return tuple(dict.fromkeys(place for key in keys for place in _places(model, key)))


def _places(model: Model, key: str) -> list[str]:
    if key.startswith(_WHOLE_FILE):
        return [key]
    table, _, name = key.partition(".")
    if table == "gpu":
        return [dotted("gpus", gpu, name) for gpu in model.claims]
    if table == "engine":
        return [dotted("engines", model.engine, name)]
    if key in model.sources:
        return [model.sources[key]]
    if model.engine == "command" and table in {"args", "repo"}:  # it has neither: all that it runs is its `command`
        key = "command"
    elif key == "command":
        return []
    return [model.sources.get(key) or dotted("models", model.id, *key.split(".", 1))]
