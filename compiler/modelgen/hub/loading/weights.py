"""Check the weights: the engine's own patterns, and completeness by index or by numbers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from modelgen.hub.loadable import ADAPTER_CONFIG, other_adapter, refused, shard_number, shard_sets
from modelgen.hub.loading.findings import REPOSITORY, Lack, LookUp
from modelgen.loader import Loader
from modelgen.lockfile.loading import patterns, read_by

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from modelgen.hub.loading.plan import Plan
    from modelgen.hub.loading.snapshot import Files

ANY = Loader("the engine", (("*.safetensors",), ("*.bin",), ("*.pt",), ("*.pth",), ("*.gguf",)))
"""Where it is not known which files an engine reads: some weights."""
_ADAPTERS = ("adapter_model.safetensors", "adapter_model.bin", "adapter_model.pt")
_INDICES = (
    ("consolidated", "consolidated.safetensors.index.json"),
    ("*.bin", "pytorch_model.bin.index.json"),
    ("*.safetensors", "model.safetensors.index.json"),
    ("model", "model.safetensors.index.json"),
)


def missing_weights(loader: Loader, plan: Plan, files: Files, look_up: LookUp = "weights") -> Iterator[Lack]:
    """Yield the weights that an engine reads and does not find.

    Args:
        loader: How it finds them.
        plan: What is looked up.
        files: The snapshot.
        look_up: What the look-up is called.
    """
    if not loader.globs:
        return
    if fault := refused(loader):
        yield Lack(look_up, "", fault.why, help=fault.advice)
        return
    for globs in loader.globs:
        if read := sorted(read_by(Loader(loader.name, (globs,)), files.sizes)):
            index = next((name for start, name in _INDICES if globs[0].startswith(start)), None)
            yield from _incomplete(read, index, files, "shards" if look_up == "weights" else look_up)
            return
    first, *others = patterns(loader)
    also = f", and so {'are' if others[1:] else 'is'} {' and '.join(others)}" if others else ""
    name = plan.title if loader is ANY else loader.name
    yield Lack(look_up, first, f"is missing{also}, where {name} looks for its weights")


def _incomplete(read: Sequence[str], index: str | None, files: Files, look_up: LookUp) -> Iterator[Lack]:
    """Yield the shards that an index names, or the numbers in names tell of, and that are missing or empty."""
    for path in read:
        if files.sizes[path] == 0:
            yield Lack(look_up, path, "is empty", keys=REPOSITORY)
    if index is not None and index in files:
        named = _named_by(index, files)
        if named is None:
            yield Lack(look_up, index, "is not an index of shards", keys=REPOSITORY)
        elif lost := sorted(named - files.sizes.keys()):
            more = f", as {'is' if len(lost) == 2 else 'are'} {len(lost) - 1} more" if lost[1:] else ""
            yield Lack(look_up, lost[0], f"is missing{more}: {index} names it")
    elif all(shard_number(path) for path in read):
        for total, absent, first in shard_sets(read):
            if absent and first:
                yield Lack(look_up, first, f"is missing: {absent} of {total} shards are not there")


def _named_by(index: str, files: Files) -> set[str] | None:
    shards = files.table(index).get("weight_map")
    if not isinstance(shards, dict):
        return None
    return {shard for shard in shards.values() if isinstance(shard, str)} or None


def missing_adapter(name: str, files: Files) -> Iterator[Lack]:
    """Yield what a LoRA adapter lacks.

    Args:
        name: Of the adapter.
        files: Its snapshot.
    """
    if not files.exists:
        yield Lack("adapter", "", f"is not in the hub directory: it is the adapter `{name}`")
        return
    if ADAPTER_CONFIG not in files:
        yield Lack("adapter", ADAPTER_CONFIG, f"is missing: `{name}` is no adapter without it")
    elif not isinstance(config := files.json(ADAPTER_CONFIG), dict):
        yield Lack("adapter", ADAPTER_CONFIG, "is not JSON, or not a table", keys=f"repository for `{name}`")
    elif fault := other_adapter(config):
        yield Lack("adapter", ADAPTER_CONFIG, fault, help=f"remove `{name}` from `loras`")
    if not files.first(*_ADAPTERS):
        yield Lack("adapter", _ADAPTERS[0], f"is missing: it has the weights of `{name}`")
