"""Learn from public starts how far the computed memory is from the logged one.

The starts are those of docs/starts.toml with a known GPU and known weights. `residuals.json` has what each of them
shows: logged minus computed overhead. tools/write_pages.py computes it again after every change.
"""

from __future__ import annotations

import json
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

_GIB = 2**30
_TABLE = Path(__file__).with_name("residuals.json")
_ENOUGH = 2
_FLOOR, _FLOOR_OF_MEMORY = 0.4 * _GIB, 0.006
_WIDE, _WIDE_OF_MEMORY = 0.7 * _GIB, 0.02
_WITHIN = 0.9


class Seen(NamedTuple):
    """One start against its computed memory.

    Args:
        source: Where its log is.
        profile: How its release profiles, see `MemoryFacts`.
        error: The logged overhead minus the computed one, in GiB.
    """

    source: str
    profile: str
    error: float


class Bar(NamedTuple):
    """The amount that the computed overhead lacks, with its error, in bytes.

    Args:
        value: What is added.
        error: The error on both sides.
        starts: The starts that it is from.
        sources: The independent sources of these.
    """

    value: float
    error: float
    starts: int
    sources: int


@lru_cache(maxsize=1)
def public_starts() -> tuple[Seen, ...]:
    """Return what the public starts show."""
    return tuple(Seen(*row) for row in json.loads(_TABLE.read_text(encoding="utf-8")))


def bar(starts: tuple[Seen, ...], profile: str, memory: int) -> Bar:
    """Return what starts of releases that profile in this way show. With less than two sources, the error is wide.

    Args:
        starts: The starts to learn from.
        profile: How the release profiles.
        memory: The memory of the GPU in bytes, which the error grows with.
    """
    seen = [one for one in starts if one.profile == profile]
    sources = sorted({one.source for one in seen})
    if len(sources) < _ENOUGH:
        return Bar(0, _WIDE + _WIDE_OF_MEMORY * memory, len(seen), len(sources))
    # A source counts once: a document with nine starts of one machine is one observation.
    middles = [_middle([one.error for one in seen if one.source == source]) for source in sources]
    value = _middle(middles)
    away = sorted(abs(one - value) for one in middles)
    within = away[min(len(away) - 1, int(len(away) * _WITHIN))]
    error = max(within * _GIB, _FLOOR + _FLOOR_OF_MEMORY * memory)
    return Bar(value * _GIB, error, len(seen), len(sources))


def _middle(values: list[float]) -> float:
    ordered = sorted(values)
    half = len(ordered) // 2
    return ordered[half] if len(ordered) % 2 else (ordered[half - 1] + ordered[half]) / 2
