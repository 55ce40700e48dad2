"""Limit how many files are requested at once: a mirror on one core handles fewer than the hub."""

from __future__ import annotations

import contextlib
import threading
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

_LEAST = 2
_LATELY = 30.0
"""Seconds within which signs from two repositories indicate an overloaded server."""


class Limit:
    """A limit of concurrent requests, halved when a server is overloaded and raised again as it recovers.

    Requests that time out in a server's queue are sent again, until no request succeeds. A single repository that
    always fails is no sign of overload: it must not slow down the others.

    Args:
        most: The maximum.
        repositories: The number of repositories with requests.
    """

    def __init__(self, most: int, repositories: int = 1) -> None:
        self._most = self._now = most
        self._needed = min(repositories, 2)
        self._inside = self._fine = 0
        self._changed = float("-inf")
        self._signs: dict[str, float] = {}
        self._condition = threading.Condition()

    @contextlib.contextmanager
    def slot(self) -> Iterator[float]:
        """Wait for a free slot, hold it, and yield its start time."""
        with self._condition:
            self._condition.wait_for(lambda: self._inside < self._now)
            self._inside += 1
        try:
            yield time.monotonic()
        finally:
            with self._condition:
                self._inside -= 1
                self._condition.notify_all()

    def is_overloaded(self, repo: str, begun: float) -> None:
        """Halve the number of slots if other repositories show the same sign; once for all running requests."""
        with self._condition:
            now = time.monotonic()
            self._signs[repo] = now
            met = sum(now - at < _LATELY for at in self._signs.values())
            if begun > self._changed and met >= self._needed:
                self._now = max(self._now // 2, _LEAST)
                self._changed, self._fine = now, 0

    def is_fine(self) -> None:
        """Allow one slot more after as many timely files as there are slots."""
        with self._condition:
            self._fine += 1
            if self._fine >= self._now < self._most:
                self._now, self._fine = self._now + 1, 0
                self._condition.notify_all()
