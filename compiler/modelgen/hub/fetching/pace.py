"""Limit the bytes per second of a run, over all its connections."""

from __future__ import annotations

import threading
import time

_AHEAD = 0.1
"""Seconds for which bytes may come in advance, so that a limit is no row of pauses."""


class Pace:
    """A token bucket; whoever received bytes waits until they were due.

    Args:
        rate: Bytes a second; None for no limit.
        stop: Set when the whole fetch ends; then nobody waits.
    """

    def __init__(self, rate: int | None, stop: threading.Event) -> None:
        self._rate = rate
        self._stop = stop
        self._guard = threading.Lock()
        self._due = time.monotonic()

    @property
    def step(self) -> int | None:
        """How many bytes may be received at once without a burst; None for any number."""
        return None if self._rate is None else max(int(self._rate * _AHEAD), 1)

    def spend(self, count: int) -> None:
        """Wait until `count` bytes, which have come, were due."""
        if self._rate is None or count <= 0:
            return
        with self._guard:
            now = time.monotonic()
            self._due = max(self._due, now - _AHEAD) + count / self._rate
            seconds = self._due - now
        if seconds > 0:
            self._stop.wait(seconds)
