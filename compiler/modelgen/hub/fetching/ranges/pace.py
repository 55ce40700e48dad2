"""Limit the bytes per second of a run, over all its connections."""

from __future__ import annotations

import threading
import time

_AHEAD = 0.1
"""Seconds of data that may arrive in advance, so that the limit is smooth."""


class Pace:
    """A token bucket: a thread that received bytes waits until they are due.

    Args:
        rate: Bytes per second; None for no limit.
        stop: Set when the whole fetch ends, which ends all waits.
    """

    def __init__(self, rate: int | None, stop: threading.Event) -> None:
        self._rate = rate
        self._stop = stop
        self._guard = threading.Lock()
        self._due = time.monotonic()

    @property
    def step(self) -> int | None:
        """The number of bytes to receive at once without a burst; None for any number."""
        return None if self._rate is None else max(int(self._rate * _AHEAD), 1)

    def spend(self, count: int) -> None:
        """Wait until `count` received bytes are due."""
        if self._rate is None or count <= 0:
            return
        with self._guard:
            now = time.monotonic()
            self._due = max(self._due, now - _AHEAD) + count / self._rate
            seconds = self._due - now
        if seconds > 0:
            self._stop.wait(seconds)
