"""Pick the GGUF files of a repository that `quant` and `mmproj = true` mean."""

from __future__ import annotations

from typing import TYPE_CHECKING

from modelgen.files import InputError
from modelgen.hub.snapshot.left_out import matches
from modelgen.lockfile.quants import all_shards, find_quants, gguf_files, projector_for, with_quant

if TYPE_CHECKING:
    from collections.abc import Collection

    from modelgen.hub.locking.ask import Ask

_MOST_SHOWN = 12


def picked(ask: Ask, paths: Collection[str]) -> tuple[str, ...]:
    """Return patterns of the files that are chosen for a repository: of the model, then of its vision part.

    Raises:
        InputError: No file, or more than one, has this quantization, or there is no vision part.
    """
    want = ask.want
    found = []
    if want.quant is not None:
        model = _model(ask, want.quant, paths)
        found.append(all_shards(model))
    else:
        named, _ = gguf_files(path for path in paths if matches(path, want.include))
        model = named[0] if named else ""
    if want.mmproj:
        projector = projector_for(model, paths)
        if projector is None:
            raise InputError(f"{ask.about} has no vision part (mmproj*.gguf); remove `mmproj` in models.toml")
        found.append(all_shards(projector))
    return tuple(found)


def _model(ask: Ask, quant: str, paths: Collection[str]) -> str:
    found = with_quant(quant, paths)
    if len(found) == 1:
        return found[0]
    if found:
        listed = ", ".join(f"`{path}`" for path in found[:_MOST_SHOWN])
        raise InputError(f"{ask.about} has {len(found)} models in {quant}: {listed}; name one with `file` instead")
    names = [*dict.fromkeys(one.name for one in find_quants(dict.fromkeys(paths, 0)))]
    more = f" and {len(names) - _MOST_SHOWN} more" if len(names) > _MOST_SHOWN else ""
    there = f"there are {', '.join(names[:_MOST_SHOWN])}{more}" if names else "it has no GGUF file of a model"
    raise InputError(f"{ask.about} has no GGUF file in {quant}; {there}; correct `quant` in models.toml")
