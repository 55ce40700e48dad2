"""How many files are asked for at once: a mirror on one core cannot keep up with as many as the hub can."""

from __future__ import annotations

import contextlib
import threading
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

_LEAST = 2


class Limit:
    """Lets so many in at once, and half as many each time when somebody reports that it took too long.

    Requests that wait in a server's queue until they time out are asked again, and then nobody gets anything.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._inside = 0
        self._changed = float("-inf")
        self._condition = threading.Condition()

    @contextlib.contextmanager
    def slot(self) -> Iterator[float]:
        """Wait for a free slot, hold it, and yield when it began."""
        with self._condition:
            self._condition.wait_for(lambda: self._inside < self._most)
            self._inside += 1
        try:
            yield time.monotonic()
        finally:
            with self._condition:
                self._inside -= 1
                self._condition.notify_all()

    def slow_down(self, begun: float) -> None:
        """Halve the number of slots; not again for what began before the last time."""
        with self._condition:
            if begun > self._changed:
                self._most = max(self._most // 2, _LEAST)
                self._changed = time.monotonic()
