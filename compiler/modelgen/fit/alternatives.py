"""Find changes of flags that make room for longer requests."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from modelgen.engines.images.versions import parse_capability
from modelgen.fit.estimate import estimate
from modelgen.fit.shapes import CannotEstimateError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from modelgen.fit.estimate import Start

_FEWER = 64
_FP8_SINCE = (8, 9)
_GAIN = 1.1


class Alternative(NamedTuple):
    """A flag, its value, and the longest request that fits for certain with it."""

    flag: str
    value: str | int
    longest: int


def alternatives(start: Start, capability: str | None) -> list[Alternative]:
    """Return what makes the longest request at least a tenth longer, the best first.

    Args:
        start: The start that is tight or does not fit.
        capability: The compute capability of its GPUs; None if it is not known.
    """
    now = estimate(start).longest
    found = []
    for flag, value in _changes(start, capability):
        try:
            longest = estimate(start._replace(args={**start.args, flag: value})).longest
        except CannotEstimateError:
            continue
        if longest > now * _GAIN:
            found.append(Alternative(flag, value, longest))
    return sorted(found, key=lambda one: -one.longest)


def _changes(start: Start, capability: str | None) -> Iterator[tuple[str, str | int]]:
    """Yield flags and values that need less memory: fewer sequences, and an fp8 cache from capability 8.9 on."""
    if start.facts.sequences > _FEWER and "max-num-seqs" not in start.args:
        yield "max-num-seqs", _FEWER
    is_nvidia = capability is not None and not capability.startswith("gfx")
    if is_nvidia and parse_capability(capability or "") >= _FP8_SINCE and "kv-cache-dtype" not in start.args:
        yield "kv-cache-dtype", "fp8"
