"""Check the weights: the engine's own patterns, and completeness by index or by numbers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from modelgen.hub.loading.findings import REPOSITORY, Defect, LookUp
from modelgen.hub.snapshot.loadable import ADAPTER_CONFIG, other_adapter, refused, shard_number, shard_sets
from modelgen.loader import Loader
from modelgen.lockfile.loading import patterns, read_by

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from modelgen.hub.loading.plan import Plan
    from modelgen.hub.loading.snapshot import Files

ANY = Loader("the engine", (("*.safetensors",), ("*.bin",), ("*.pt",), ("*.pth",), ("*.gguf",)))
"""The pattern if the engine's files are unknown: any weights."""
_ADAPTERS = ("adapter_model.safetensors", "adapter_model.bin", "adapter_model.pt")
_INDICES = (
    ("consolidated", "consolidated.safetensors.index.json"),
    ("*.bin", "pytorch_model.bin.index.json"),
    ("*.safetensors", "model.safetensors.index.json"),
    ("model", "model.safetensors.index.json"),
)


def missing_weights(loader: Loader, plan: Plan, files: Files, look_up: LookUp = "weights") -> Iterator[Defect]:
    """Yield a defect for each file of weights that an engine needs and does not find.

    Args:
        loader: How the engine finds them.
        plan: The plan of the model.
        files: The snapshot.
        look_up: The name of the look-up.
    """
    if not loader.globs:
        return
    if fault := refused(loader):
        yield Defect(look_up, "", fault.why, help=fault.advice)
        return
    for globs in loader.globs:
        if read := sorted(read_by(Loader(loader.name, (globs,)), files.sizes)):
            index = next((name for start, name in _INDICES if globs[0].startswith(start)), None)
            yield from _incomplete(read, index, files, "shards" if look_up == "weights" else look_up)
            return
    first, *others = patterns(loader)
    also = f", and so {'are' if others[1:] else 'is'} {' and '.join(others)}" if others else ""
    name = plan.title if loader is ANY else loader.name
    yield Defect(look_up, first, f"is missing{also}, where {name} looks for its weights")


def _incomplete(read: Sequence[str], index: str | None, files: Files, look_up: LookUp) -> Iterator[Defect]:
    """Yield a defect for each shard, by index or number, that is missing or empty."""
    for path in read:
        if files.sizes[path] == 0:
            yield Defect(look_up, path, "is empty", keys=REPOSITORY)
    if index is not None and index in files:
        named = _named_by(index, files)
        if named is None:
            yield Defect(look_up, index, "is not an index of shards", keys=REPOSITORY)
        elif lost := sorted(named - files.sizes.keys()):
            more = f", as {'is' if len(lost) == 2 else 'are'} {len(lost) - 1} more" if lost[1:] else ""
            yield Defect(look_up, lost[0], f"is missing{more}: {index} names it")
    elif all(shard_number(path) for path in read):
        for total, absent, first in shard_sets(read):
            if absent and first:
                yield Defect(look_up, first, f"is missing: {absent} of {total} shards are missing")


def _named_by(index: str, files: Files) -> set[str] | None:
    shards = files.table(index).get("weight_map")
    if not isinstance(shards, dict):
        return None
    return {shard for shard in shards.values() if isinstance(shard, str)} or None


def missing_adapter(name: str, files: Files) -> Iterator[Defect]:
    """Yield the defects of a LoRA adapter.

    Args:
        name: The name of the adapter.
        files: Its snapshot.
    """
    if not files.exists:
        yield Defect("adapter", "", f"is not in the hub directory: it is the adapter `{name}`")
        return
    if ADAPTER_CONFIG not in files:
        yield Defect("adapter", ADAPTER_CONFIG, f"is missing: `{name}` is not an adapter without it")
    elif not isinstance(config := files.json(ADAPTER_CONFIG), dict):
        yield Defect("adapter", ADAPTER_CONFIG, "is not JSON, or not a table", keys=f"repository for `{name}`")
    elif fault := other_adapter(config):
        yield Defect("adapter", ADAPTER_CONFIG, fault, help=f"remove `{name}` from `loras`")
    if not files.first(*_ADAPTERS):
        yield Defect("adapter", _ADAPTERS[0], f"is missing: it has the weights of `{name}`")
