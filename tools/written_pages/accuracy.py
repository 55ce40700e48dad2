"""Measure the estimates of memory against the starts in docs/starts.toml, beside published rules.

Every estimate is judged with an error that was learned from the starts of other sources only.
"""

from __future__ import annotations

import statistics
from typing import TYPE_CHECKING, NamedTuple

from modelgen.fit.estimate import Start
from modelgen.fit.shapes import read_shape
from written_pages.memory_starts import Logged, read_starts

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

_GIB = 2**30
_CLOSE = 0.3
_ENOUGH_SOURCES = 2


class Accuracy(NamedTuple):
    """The accuracy of the estimates.

    Args:
        starts: All starts.
        whole: The starts whose GPU and weights are known.
        tokens_off: The largest difference of the tokens, given the logged room.
        close: The share of starts of releases with data whose overhead is within 0.3 GiB.
        median: The median difference of the tokens from end to end.
        ninth: The difference of the tokens from end to end that nine in ten are below.
        inside: The share of starts within the error.
        half_24: The median error for GPUs with 20 to 32 GiB, in GiB.
        half_80: The median error for GPUs with 70 to 100 GiB, in GiB.
        cannot: The share of all starts without an estimate.
        tight: The share of whole starts that are `tight`.
        wrong: Whole starts that were refused and `fits`, or the opposite.
    """

    starts: int
    whole: int
    tokens_off: float
    close: float
    median: float
    ninth: float
    inside: float
    half_24: float
    half_80: float
    cannot: float
    tight: float
    wrong: int


def measure() -> Accuracy:
    """Return how good the estimates of all starts are."""
    starts = [one for one in read_starts() if one.found is not None]
    whole = [one for one in starts if one.is_whole]
    with_data = [one for one in whole if one.sources >= _ENOUGH_SOURCES]
    ends = sorted(abs(one.end_to_end) for one in whole if one.row["cache"] > 0)
    return Accuracy(
        starts=len(read_starts()),
        whole=len(whole),
        tokens_off=max(abs(one.tokens / one.row["tokens"] - 1) for one in starts if "tokens" in one.row),
        close=_share(abs(one.error) <= _CLOSE for one in with_data),
        median=statistics.median(ends),
        ninth=ends[int(len(ends) * 0.9)],
        inside=_share(one.is_inside for one in whole),
        half_24=_half(whole, 20, 32),
        half_80=_half(whole, 70, 100),
        cannot=_share(one.found is None for one in read_starts()),
        tight=_share(one.estimate.verdict == "tight" for one in whole),
        wrong=sum(one.is_wrong for one in whole),
    )


def sentence(found: Accuracy) -> str:
    """Return the numbers in one line, as `.ci/run` prints it."""
    return (
        f"fit oracle: {found.starts} starts, {found.whole} with GPU and weights; tokens within "
        f"{found.tokens_off:.2%} given the memory; overhead within {_CLOSE} GiB for {found.close:.0%}; tokens end to "
        f"end: median {found.median:.1%}, p90 {found.ninth:.1%}; inside the error {found.inside:.0%}, which is "
        f"± {found.half_24:.2f} GiB on 24 GB and ± {found.half_80:.2f} GiB on 80 GB; cannot estimate "
        f"{found.cannot:.0%}, tight {found.tight:.0%}, wrong verdicts {found.wrong}"
    )


def _constant(_: Logged) -> float:
    return 2.0


def _gpustack(one: Logged) -> float:
    """Return 20 % of the weights and 2 GiB (gpustack/policies/candidate_selectors, `estimate_model_vram`)."""
    return 0.2 * float(one.row["weights"]) + 2.0


def _llm_d(one: Logged) -> float:
    """Return the constants of llm-d's planner (capacity_planner.py), by kind of model and number of GPUs."""
    start = one.estimate.start
    assert isinstance(start, Start)  # noqa: S101 - docs/starts.toml has starts of vLLM only
    shape = read_shape(start.config)
    activation = 8.0 if shape.experts else 2.5 if shape.tower else 5.5
    return activation + (0.6 if one.row["gpus"] > 1 else 0.15)


PEERS: Mapping[str, Callable[[Logged], float]] = {
    "GPUStack's rule": _gpustack,
    "llm-d's planner": _llm_d,
    "a constant of 2 GiB": _constant,
}
"""Published rules for the memory beside weights and cache, in GiB for one GPU."""


def by_release() -> list[tuple[str, ...]]:
    """Return a row for each release and one for all: starts, and the median error of each rule in GiB."""
    starts = [one for one in read_starts() if one.is_whole]
    releases = sorted({str(one.row["vllm"]) for one in starts}, key=lambda text: [*map(int, text.split("."))])
    groups = [(release, [one for one in starts if one.row["vllm"] == release]) for release in releases]
    return [_row(name, some) for name, some in [*groups, ("all", starts)]]


def _row(name: str, starts: list[Logged]) -> tuple[str, ...]:
    own = statistics.median(abs(one.error) for one in starts)
    others = (statistics.median(abs(peer_error(one, rule)) for one in starts) for rule in PEERS.values())
    return (name, str(len(starts)), f"{own:.2f}", *(f"{other:.2f}" for other in others))


def peer_error(one: Logged, rule: Callable[[Logged], float]) -> float:
    """Return the room for the KV cache by a published rule minus the logged one, in GiB."""
    reserved = one.estimate.lines[0].amount.value / _GIB
    return float(reserved - one.row["weights"] - rule(one) - one.row["cache"])


def _half(starts: list[Logged], least: float, most: float) -> float:
    found = [one.half for one in starts if least <= one.estimate.start.memory / _GIB < most]
    return statistics.median(found)


def _share(values: Iterable[bool]) -> float:
    found = [*values]
    return sum(found) / len(found)
