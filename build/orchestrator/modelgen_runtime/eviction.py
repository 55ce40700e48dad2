"""Which models leave so that another fits. Pure: standings in, a choice out."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from modelgen_runtime.standing import Standing


def choose(need: Mapping[str, int], candidates: Iterable[Standing]) -> list[Standing] | None:
    """Return the models to evict, or None where all of them together would not free enough.

    Idle ones go before busy ones, and among these what was used least recently; none goes in vain.

    Args:
        need: Bytes to free by card.
        candidates: Models that hold memory and may leave.
    """
    open_, chosen = {gpu: size for gpu, size in need.items() if size > 0}, []
    for standing in sorted(candidates, key=_worth):
        if any(open_.get(gpu, 0) > 0 for gpu in standing.reservations):
            chosen.append(standing)
            for gpu, size in standing.reservations.items():
                open_[gpu] = open_.get(gpu, 0) - size
    if any(size > 0 for size in open_.values()):
        return None
    # A large one that came late may have made earlier ones needless; the most valuable are kept first.
    for standing in reversed(chosen[:]):
        if all(open_[gpu] + size <= 0 for gpu, size in standing.reservations.items()):
            chosen.remove(standing)
            for gpu, size in standing.reservations.items():
                open_[gpu] += size
    return chosen


def _worth(standing: Standing) -> tuple[bool, bool, float, str]:
    """Those that drain already stay chosen while nothing idle does as well."""
    return standing.is_busy, not standing.is_draining, standing.used, standing.id
