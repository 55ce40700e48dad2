"""The requests that run, the last ones that ended, and what they add up to since the start."""

from __future__ import annotations

from bisect import bisect_left
from collections import deque
from typing import TYPE_CHECKING

from modelgen_runtime.usage.record import Outcome

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from modelgen_runtime.usage.record import Record

LAST = 1000
"""Ended requests that are remembered."""
_MOST_SERIES = 1000
"""Pairs of model and key that are counted apart; the metrics name no key for further ones."""
FIRST_BYTE_BUCKETS = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120)
WAIT_BUCKETS = (0.001, 0.01, 0.1, 0.5, 1, 2, 5, 10, 30, 60, 120, 300)
LOAD_BUCKETS = (0.5, 1, 2, 5, 10, 20, 30, 60, 120, 300, 600, 900)


class Distribution:
    """A histogram in Prometheus' sense, of plain numbers, since it is on the path of every request.

    Args:
        bounds: Upper bounds of the buckets, in seconds.
    """

    __slots__ = ("bounds", "counts", "sum")

    def __init__(self, bounds: tuple[float, ...]) -> None:
        self.bounds, self.counts, self.sum = bounds, [0] * (len(bounds) + 1), 0.0

    def add(self, value: float) -> None:
        """Count a value."""
        self.counts[bisect_left(self.bounds, value)] += 1
        self.sum += value


class Journal:
    """Notes requests.

    Args:
        note_total: Called with each request that has ended.
        note_wait: Called with the model and the seconds of each wait.
    """

    def __init__(
        self, note_total: Callable[[Record], None], note_wait: Callable[[str, float], None] = lambda *_: None
    ) -> None:
        self._note_total, self._note_wait = note_total, note_wait
        self._count = 0
        self.running: dict[int, Record] = {}
        """Requests that have not ended, by number."""
        self.ended: deque[Record] = deque(maxlen=LAST)
        """The last ones that have."""
        self.statuses: dict[tuple[str, int], list[int]] = {}
        """Requests, bytes received and bytes sent, by model and status."""
        self.tokens: dict[tuple[str, str], list[int]] = {}
        """Requests, prompt, cached and completion tokens, by model and key."""
        self.first_bytes: dict[str, Distribution] = {}
        self.waits: dict[str, Distribution] = {}
        self.loads: dict[str, Distribution] = {}
        self.listeners: set[Callable[[Record], None]] = set()
        """Called with each request that begins or ends."""

    def begin(self, record: Record) -> None:
        """Note a request for a model."""
        self._count += 1
        record.id = self._count
        self.running[self._count] = record
        for listener in self.listeners:
            listener(record)

    def end(self, record: Record, now: float) -> None:
        """Note that a request has ended, in the way that its `outcome` says."""
        if self.running.pop(record.id, None) is None:
            return
        record.ended = now
        record.cancel = _ignore  # releases the connection
        if record.outcome is None:
            record.outcome = Outcome.REFUSED
        self.ended.append(record)
        self._add(record)
        self._note_total(record)
        for listener in self.listeners:
            listener(record)

    def _add(self, record: Record) -> None:
        model = record.model
        if (sums := self.statuses.get((model, record.status))) is None:
            sums = self.statuses[model, record.status] = [0, 0, 0]
        sums[0] += 1
        sums[1] += record.received
        sums[2] += record.sent
        pair = model, record.key or ""
        if (counts := self.tokens.get(pair)) is None:
            pair = pair if len(self.tokens) < _MOST_SERIES else (model, "")
            counts = self.tokens.setdefault(pair, [0, 0, 0, 0])
        prompt, cached, completion = record.tokens
        counts[0] += 1
        counts[1] += prompt or 0
        counts[2] += cached or 0
        counts[3] += completion or 0
        if record.first_byte is not None:
            _of(self.first_bytes, model, FIRST_BYTE_BUCKETS).add(record.first_byte - record.arrived)

    def note_wait(self, record: Record, seconds: float) -> None:
        """Note how long a request was queued, and how much of it its model was starting (`record.load`)."""
        self._note_wait(record.model, seconds)
        _of(self.waits, record.model, WAIT_BUCKETS).add(seconds)
        if record.load:
            _of(self.loads, record.model, LOAD_BUCKETS).add(record.load)

    def find(self, number: int) -> Record | None:
        """Return a request that runs, or one of the last that have ended."""
        return self.running.get(number) or next((one for one in self.ended if one.id == number), None)

    def newest(self) -> Iterator[Record]:
        """Yield the last requests that have ended, the newest first."""
        return reversed(self.ended)


def _of(distributions: dict[str, Distribution], model: str, bounds: tuple[float, ...]) -> Distribution:
    if (found := distributions.get(model)) is None:
        found = distributions[model] = Distribution(bounds)
    return found


def _ignore() -> None:
    """Do nothing: the request has ended."""
