"""Find changes of flags that make room for longer requests."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from modelgen.engines.images.versions import parse_capability
from modelgen.fit.estimate import Start, estimate
from modelgen.fit.shapes import CannotEstimateError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from modelgen.fit.estimate import Estimate
    from modelgen.resolve import ModelRun

_MOST = 2
_FEWER = 64
_GAIN = 1.1


class Alternative(NamedTuple):
    """A flag, its value, and the longest request that fits for certain with it."""

    flag: str
    value: str | int
    longest: int

    def __str__(self) -> str:
        written = f'"{self.value}"' if isinstance(self.value, str) else self.value
        return f"`{self.flag} = {written}`, with which {self.longest:,} tokens fit"


def alternatives(one: Estimate, run: ModelRun, capability: str | None) -> list[Alternative]:
    """Return at most two changes that make the longest request fit, or at least a tenth longer, the best first.

    Args:
        one: The estimate of a start that is tight or does not fit.
        run: What the model runs on.
        capability: The compute capability of its GPUs; None if it is not known.
    """
    start = one.start
    if not isinstance(start, Start):
        return []
    found = []
    for flag, value in _changes(start, run, capability):
        try:
            longest = estimate(start._replace(args={**start.args, flag: value})).longest
        except CannotEstimateError:
            continue
        if longest > one.longest * _GAIN or longest == start.length:
            found.append(Alternative(flag, value, longest))
    return sorted(found, key=lambda one: -one.longest)[:_MOST]


def _changes(start: Start, run: ModelRun, capability: str | None) -> Iterator[tuple[str, str | int]]:
    """Yield flags and values that need less memory: fewer sequences, and an fp8 cache where release and GPU have it."""
    if start.facts.sequences > _FEWER and "max-num-seqs" not in start.args:
        yield "max-num-seqs", _FEWER
    attention = run.engine.attention if run.engine else None
    if attention is None or run.version is None or not attention.cache_flag or attention.cache_flag in start.args:
        return
    is_nvidia = capability is not None and not capability.startswith("gfx")
    chosen = {attention.backend_flag, attention.backend_variable} & {*start.args, *run.env}
    least = None if chosen else attention.least_for_cache(run.version, "fp8", "")
    if is_nvidia and least is not None:
        major, minor = parse_capability(capability or "")
        if major * 10 + minor >= least:
            yield attention.cache_flag, "fp8"
