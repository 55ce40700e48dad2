"""The requests that run, the last ones that ended, and what they add up to since the start."""

from __future__ import annotations

from bisect import bisect_left
from collections import deque
from typing import TYPE_CHECKING, NamedTuple

from modelgen_runtime.usage.record import UNKNOWN

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from modelgen_runtime.usage.captures import Captures
    from modelgen_runtime.usage.record import Record

LAST = 1000
"""Ended requests that are remembered."""
_MOST_CELLS = 5000
"""Sums that are kept apart: of further ones, key and variant are not named."""
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


class Cell(NamedTuple):
    """The names under which requests are counted together."""

    model: str
    status: int
    key: str | None
    variant: str | None


class Sums(NamedTuple):
    """The counts of a cell; `unknown` are requests whose tokens no engine reported."""

    requests: int = 0
    unknown: int = 0
    prompt: int = 0
    cached: int = 0
    completion: int = 0
    received: int = 0
    sent: int = 0

    def plus(self, other: Iterable[int]) -> Sums:
        """Return the sum of two rows."""
        return Sums(*(one + more for one, more in zip(self, other, strict=True)))


class Journal:
    """Notes requests.

    Args:
        note_wait: Called with the model and the seconds of each wait.
    """

    def __init__(self, note_wait: Callable[[str, float], None] = lambda *_: None) -> None:
        self._note_wait = note_wait
        self._count = 0
        self.captures: Captures | None = None
        """The last requests with their bodies, if they are kept."""
        self.running: dict[int, Record] = {}
        """Requests that have not ended, by number."""
        self.ended: deque[Record] = deque(maxlen=LAST)
        """The last ones that have."""
        self.sums: dict[tuple[str, int, str | None, str | None], list[int]] = {}
        """The fields of `Sums` by those of `Cell`, since the start."""
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
        if self.listeners:
            self._tell(record)

    def end(self, record: Record, now: float) -> None:
        """Note that a request has ended, in the way that its `outcome` says."""
        if self.running.pop(record.id, None) is None:
            return
        record.ended = now
        record.cancel = _ignore  # releases the connection
        self.ended.append(record)
        cell = record.model, record.status, record.key, record.variant
        sums = self.sums.get(cell) or self._add_cell(cell)
        sums[0] += 1
        if record.tokens == UNKNOWN:
            sums[1] += 1
        else:
            prompt, cached, completion = record.tokens
            sums[2] += prompt or 0
            sums[3] += cached or 0
            sums[4] += completion or 0
        sums[5] += record.received
        sums[6] += record.sent
        if record.first_byte is not None:
            _of(self.first_bytes, record.model, FIRST_BYTE_BUCKETS).add(record.first_byte - record.arrived)
        if self.listeners:
            self._tell(record)

    def _add_cell(self, cell: tuple[str, int, str | None, str | None]) -> list[int]:
        """Return the sums of another cell; of too many, those without key and variant."""
        cell = cell if len(self.sums) < _MOST_CELLS else (*cell[:2], None, None)
        return self.sums.setdefault(cell, [0] * len(Sums._fields))

    def _tell(self, record: Record) -> None:
        for listener in [*self.listeners]:
            listener(record)

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
