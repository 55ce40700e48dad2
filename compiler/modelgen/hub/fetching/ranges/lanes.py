"""Count connections per host: one per large file at first, more while they raise the rate."""

from __future__ import annotations

import threading
import time

MOST = 8
"""Maximum connections to one host, over all files."""
_WINDOW = 0.5
"""Seconds over which a rate is measured; the first measurement after a change is ignored."""
_PAYS = 1.15
"""More connections are kept if the rate grows by this factor."""
_WAITING = 0.7
"""Minimum share of time spent waiting for data; below it, the disk or the CPU here is the limit."""
_AGAIN = 30.0
"""Seconds after which more connections are tried again."""


class Lane:
    """The connections to one host.

    Every file has a first connection, which waits for its turn, and may have further ones. Their number doubles while
    the rate grows; then it returns to the previous number, and is tried again after a while. A host that refuses a
    connection gets no further ones.
    """

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._first = self._further = self._waiting = 0
        self._goal = 0  # the number of further connections
        self._before: tuple[int, float] | None = None  # the goal and the rate before the current change
        self._is_closed = False
        self._bytes, self._waited, self._since = 0, 0.0, time.monotonic()
        self._skip = True  # the first window includes the time before the first byte
        self._rest_until = 0.0

    def enter(self, stop: threading.Event) -> None:
        """Count a first connection, after waiting for a free place.

        Raises:
            InterruptedError: `stop` was set meanwhile.
        """
        with self._changed:
            self._waiting += 1
            try:
                while self._first + self._further >= MOST:
                    if stop.is_set():
                        raise InterruptedError
                    self._changed.wait(0.2)
                self._first += 1
            finally:
                self._waiting -= 1

    def leave(self) -> None:
        """Stop counting a first connection."""
        with self._changed:
            self._first -= 1
            self._changed.notify_all()

    def join(self) -> bool:
        """Count a further connection, if one is allowed; the caller calls `quit` at its end."""
        with self._changed:
            may = self._may_join()
            self._further += may
            return may

    def quit(self) -> None:
        """Stop counting a further connection."""
        with self._changed:
            self._further -= 1
            self._changed.notify_all()

    @property
    def is_crowded(self) -> bool:
        """Return whether a further connection has to end after its current range."""
        with self._changed:
            return self._further > self._goal or self._waiting > 0

    @property
    def is_shared(self) -> bool:
        """Return whether there are further connections."""
        with self._changed:
            return self._further > 0

    def lost(self) -> None:
        """Allow one further connection less for a while, after one broke."""
        with self._changed:
            self._goal, self._before = max(self._goal - 1, 0), None
            self._rest_until = time.monotonic() + _AGAIN

    def close(self) -> None:
        """Allow no further connections, after the host refused one."""
        with self._changed:
            self._is_closed, self._goal = True, 0

    def came(self, count: int, waited: float) -> bool:
        """Count bytes and the seconds spent waiting for them, and return whether to open another connection."""
        with self._changed:
            self._bytes += count
            self._waited += waited
            now = time.monotonic()
            if now - self._since >= _WINDOW:
                self._end_window(now)
            return self._may_join()

    def _may_join(self) -> bool:
        return self._further < self._goal and self._first + self._further + self._waiting < MOST

    def _end_window(self, now: float) -> None:
        seconds = now - self._since
        rate, waiting = self._bytes / seconds, self._waited / seconds / max(self._first + self._further, 1)
        self._bytes, self._waited, self._since = 0, 0.0, now
        if self._skip:
            self._skip = False
        elif not self._is_closed:
            self._judge(rate, waiting, now)

    def _judge(self, rate: float, waiting: float, now: float) -> None:
        if self._before is not None:
            goal, before = self._before
            self._before = None
            if rate < before * _PAYS:
                self._goal, self._rest_until = goal, now + _AGAIN
                return
        connections = self._first + self._further
        goal = min(self._goal + connections, MOST - self._first)
        if now >= self._rest_until and goal > self._goal and waiting > _WAITING:
            self._before, self._skip = (self._goal, rate), True
            self._goal = goal


class Lanes:
    """The lanes of a run, by host."""

    def __init__(self) -> None:
        self._guard = threading.Lock()
        self._lanes: dict[str, Lane] = {}

    def to(self, host: str) -> Lane:
        """Return the lane of a host."""
        with self._guard:
            return self._lanes.setdefault(host, Lane())
