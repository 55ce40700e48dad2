"""What noting requests costs: processor time for each chunk and request, and memory; figures, which never fail."""

from __future__ import annotations

import time
import tracemalloc
from typing import TYPE_CHECKING

import pytest

from modelgen_runtime.usage.journal import Journal
from modelgen_runtime.usage.record import Outcome, Record
from modelgen_runtime.usage.tokens import Tail
from modelgen_runtime.usage.totals import Totals

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

pytestmark = pytest.mark.bench

CHUNK = b'data: {"id":"c","object":"chat.completion.chunk","choices":[{"index":0,"delta":{"content":" the"}}]}\n\n'
ANSWER = b'{"choices":[],"usage":{"prompt_tokens":9,"total_tokens":21,"completion_tokens":12}}'
ROUTE = "/v1/chat/completions"


def each(work: Callable[[], object], times: int) -> float:
    """Return the least microseconds of processor time of one call."""
    took = []
    for _ in range(9):
        began = time.process_time()
        for _ in range(times):
            work()
        took.append(time.process_time() - began)
    return min(took) / times * 1e6


def note(journal: Journal, number: int = 0) -> None:
    record = Record("a", None, ROUTE, f"key-{number % 20}", 0.0, lambda: None)
    journal.begin(record)
    record.started, record.first_byte = 0.1, 0.2
    tail = Tail(ROUTE, False)  # noqa: FBT003 - as the gateway calls it
    tail.note(ANSWER)
    record.tokens, record.outcome, record.status = tail.tokens(), Outcome.DONE, 200
    journal.end(record, 1.0)


def test_times(tmp_path: Path) -> None:
    tail, journal = Tail(ROUTE, True), Journal()  # noqa: FBT003
    Totals(tmp_path, journal)
    print(f"\na chunk: {each(lambda: tail.note(CHUNK), 10_000):.2f} µs (asked: 3)")
    print(f"a request: {each(lambda: note(journal), 10_000):.2f} µs")


def test_memory(tmp_path: Path) -> None:
    journal = Journal()
    totals, before = Totals(tmp_path, journal), 0
    tracemalloc.start()
    for number in range(100_000):
        note(journal, number)
        if number == 2000:
            assert [*totals.rows(1)]
            before = tracemalloc.get_traced_memory()[0]
    assert sum(sums.requests for _, _, sums in totals.rows(1)) == 100_000
    grown = tracemalloc.get_traced_memory()[0] - before
    tracemalloc.stop()
    print(f"\nafter 100,000 requests: {grown / 1024:.0f} KiB more than after 2,000")
