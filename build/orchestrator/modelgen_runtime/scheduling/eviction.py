"""Choose the models to evict. Pure: standings in, a choice out."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from modelgen_runtime.scheduling.standing import Standing


def choose(need: Mapping[str, int], candidates: Iterable[Standing]) -> list[Standing] | None:
    """Return the models to evict, or None if evicting all candidates would not free enough.

    Idle models are evicted before busy ones, least recently used first. No model is evicted unnecessarily.

    Args:
        need: Bytes to free, by GPU.
        candidates: Models that hold memory and may be evicted.
    """
    chosen = sorted(candidates, key=_worth)
    open_ = {gpu: size for gpu, size in need.items() if size > 0}
    for standing in chosen:
        for gpu, size in standing.reservations.items():
            open_[gpu] = open_.get(gpu, 0) - size
    if any(size > 0 for size in open_.values()):
        return None
    # The most valuable that are not needed are kept first.
    for standing in reversed(chosen[:]):
        if all(open_[gpu] + size <= 0 for gpu, size in standing.reservations.items()):
            chosen.remove(standing)
            for gpu, size in standing.reservations.items():
                open_[gpu] += size
    return chosen


def _worth(standing: Standing) -> tuple[bool, bool, float, str]:
    """Rank idle models first, then draining ones, so that a choice does not change without need."""
    return standing.is_busy, not standing.is_draining, standing.used, standing.id
