"""Estimates against starts of vLLM whose logs are public (docs/starts.toml)."""

from __future__ import annotations

import statistics

import pytest

from written_pages.memory_starts import Logged, read_starts

STARTS = read_starts()
WHOLE = [one for one in STARTS if one.is_whole]


def label(one: Logged) -> str:
    return f"{one.row['model']}-{one.row['vllm']}-{one.row.get('gpu', '')}"


@pytest.mark.parametrize("one", [one for one in STARTS if "tokens" in one.row], ids=label)
def test_tokens_are_arithmetic(one: Logged) -> None:
    assert one.tokens == pytest.approx(one.row["tokens"], rel=0.005)
    requests = one.found.cache.concurrency(int(one.row["cache"] * 2**30))
    assert requests == pytest.approx(one.row["concurrency"], rel=0.005)


def test_the_logged_room_is_within_the_error_of_nine_in_ten() -> None:
    assert sum(one.is_inside for one in WHOLE) >= 0.9 * len(WHOLE)


def test_the_error_is_small() -> None:
    errors = [abs(one.error) for one in WHOLE]
    assert statistics.median(errors) <= 0.3
    for gpu, most in (("RTX 3090", 0.85), ("H100 80GB", 2.5)):
        halves = [(one.found.room.high - one.found.room.low) / 2**31 for one in WHOLE if one.row["gpu"] == gpu]
        assert statistics.median(halves) <= most


@pytest.mark.parametrize("one", WHOLE, ids=label)
def test_a_verdict_is_never_the_opposite_of_what_happened(one: Logged) -> None:
    assert one.found.verdict != ("fits" if one.row.get("refused") else "does not fit")


def test_there_is_a_start_that_was_refused() -> None:
    assert [one.found.verdict for one in WHOLE if one.row.get("refused")] == ["does not fit"]
