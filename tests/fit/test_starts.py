"""Estimates against starts of vLLM whose logs are public (docs/starts.toml); their errors are from other sources."""

from __future__ import annotations

from xml.etree import ElementTree as ET

import pytest

from modelgen.fit.blocks.evidence import Seen, bar
from written_pages import accuracy_figure
from written_pages.accuracy import PEERS, by_release, measure, sentence
from written_pages.memory_starts import Logged, read_starts

STARTS = read_starts()
WHOLE = [one for one in STARTS if one.is_whole]
ACCURACY = measure()
GIB = 2**30


def label(one: Logged) -> str:
    return f"{one.row['model']}-{one.row.get('vllm', '')}-{one.row.get('gpu', '')}"


@pytest.mark.parametrize("one", [one for one in STARTS if "tokens" in one.row], ids=label)
def test_tokens_are_arithmetic(one: Logged) -> None:
    assert one.tokens == pytest.approx(one.row["tokens"], rel=0.005)
    requests = one.estimate.cache.concurrency(int(one.row["cache"] * GIB))
    assert requests == pytest.approx(one.row["concurrency"], rel=0.005)


def test_the_estimates_are_as_good_as_they_were_asked_to_be() -> None:
    assert ACCURACY.close >= 0.8
    assert ACCURACY.median <= 0.03
    assert ACCURACY.ninth <= 0.1
    assert ACCURACY.inside >= 0.9
    assert ACCURACY.half_24 <= 0.8
    assert ACCURACY.half_80 <= 2
    assert ACCURACY.cannot <= 0.15
    assert ACCURACY.tight <= 0.2


def test_they_are_printed_in_one_line() -> None:
    assert sentence(ACCURACY).startswith(f"fit oracle: {len(STARTS)} starts, {len(WHOLE)} with GPU and weights; tokens")


def test_published_rules_are_worse() -> None:
    *_, (_, _, own, *others) = by_release()
    assert all(float(own) < float(other) / 5 for other in others)


@pytest.mark.parametrize("one", WHOLE, ids=label)
def test_a_verdict_is_never_the_opposite_of_what_happened(one: Logged) -> None:
    assert not one.is_wrong


def test_there_is_a_start_that_was_refused() -> None:
    assert [one.estimate.verdict for one in WHOLE if one.row.get("refused")] == ["does not fit"]


def test_the_figure_has_a_row_for_each_start() -> None:
    picture = ET.fromstring(accuracy_figure.write())
    kinds = [element.get("class") for element in picture.iter()]
    legend = 1
    assert kinds.count("own") == kinds.count("bar") == len(WHOLE) + legend
    assert kinds.count("peer") == len(PEERS) * (len(WHOLE) + legend)


SEEN = tuple(Seen(source, "old", error) for source, error in (("a", 0.1), ("a", 0.1), ("b", 0.5), ("b", -0.1)))


def test_a_source_counts_once() -> None:
    found = bar(SEEN, "old", 24 * GIB)
    assert (found.starts, found.sources) == (4, 2)
    assert found.value == pytest.approx(0.15 * GIB)


@pytest.mark.parametrize("seen", [SEEN[:2], (), tuple(one._replace(profile="new") for one in SEEN)])
def test_less_than_two_sources_make_the_error_wide(seen: tuple[Seen, ...]) -> None:
    assert bar(seen, "old", 24 * GIB).error > 2 * bar(SEEN, "old", 24 * GIB).error
    assert bar(seen, "old", 24 * GIB).value == 0
