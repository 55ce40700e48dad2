"""Find the GGUF files of a model: those that are written, or those that the lock has for its quantization."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from modelgen.lockfile.quants import projector_for, with_quant
from modelgen.resolve.assets import draft_want, own_want

if TYPE_CHECKING:
    from modelgen.lockfile.entries import Lock
    from modelgen.lockfile.wants import Want
    from modelgen.resolve.runs import ModelRun


class GgufFiles(NamedTuple):
    """The files of a model by their paths in the snapshots; None for one that there is not, or that is not known.

    Args:
        model: The file that the engine loads, the first of a split one.
        mmproj: Its vision part.
        draft: The file of its draft model, in the snapshot of that model's repository.
    """

    model: str | None
    mmproj: str | None
    draft: str | None


def gguf_files_of(run: ModelRun, lock: Lock | None) -> GgufFiles:
    """Return the GGUF files of a model; without a lock, those that are written."""
    model, want, draft = run.model, own_want(run), draft_want(run)
    file = model.file or _in(want, lock)
    mmproj = model.mmproj if isinstance(model.mmproj, str) else None
    entry = lock.find(want) if lock and want and want.mmproj else None
    if entry is not None:
        mmproj = projector_for(file or "", entry.by_path)
    return GgufFiles(file, mmproj, (model.draft and model.draft.file) or _in(draft, lock) if draft else None)


def _in(want: Want | None, lock: Lock | None) -> str | None:
    """Return the file of a quantization in the locked files."""
    entry = lock.find(want) if lock and want else None
    if want is None or want.quant is None or entry is None:
        return None
    return next(iter(with_quant(want.quant, entry.by_path)), None)
