"""Output of engines in containers, a bounded part in memory. Docker has all of it."""

from __future__ import annotations

import asyncio
from collections import deque
from typing import TYPE_CHECKING

from modelgen_runtime.failures.log_lines import (
    BEGIN_LINES,
    LINE_BYTES,
    START_MARK,
    clean_line,
    left_out,
    lines_of_last_start,
)

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterable

KEPT = 2_000
_RAW_BYTES = 16_384
_GOES_ON_WITH, _LINES_AT_ONCE = 100, 50
"""Lines with which a follower that was too slow continues, and lines that are sent before other tasks run."""
_POLL_SECONDS = 0.1
_FRACTION = 9  # digits after the second, in Docker's logs


class ContainerLog:
    """The last lines of one model, across starts. Positions count all lines since this object was created."""

    def __init__(self) -> None:
        self._lines: deque[tuple[bytes, tuple[str, ...]]] = deque(maxlen=KEPT)
        """Lines with the secrets of their start, which are masked when they are read."""
        self._count = 0
        self._changed = asyncio.Event()
        self._secrets: tuple[str, ...] = ()
        self._begun = b""
        self._mark, self._started = "", ""
        self._first: list[tuple[bytes, tuple[str, ...]]] = []  # lines of this start
        self._marked = 0  # position of the first of them
        self.last = ""
        """Time of the last line in Docker's format; "" before the first."""

    def hide(self, secrets: Iterable[str]) -> None:
        """Mask these values from now on."""
        self._secrets = tuple(secrets)

    def begin(self, generation: str, started: str) -> None:
        """Mark a start before the first later line."""
        self._mark, self._started = f"{START_MARK}{generation}", _in_full(started)

    def take(self, time: str, text: bytes) -> None:
        """Add a line, or a part of a long one, with its time."""
        self.last = time
        if self._started and self.last >= self._started:
            self._add(self._mark.encode())
            self._first, self._marked, self._started = [], self._count, ""
        self._begun = (self._begun + text)[:LINE_BYTES]
        if text.endswith(b"\n"):
            self._add(self._begun.removesuffix(b"\n"))
            self._begun = b""

    def tail(self, count: int) -> list[str]:
        """Return the last lines, oldest first."""
        return [clean_line(*line) for line in [*self._lines][-count:]] if count > 0 else []

    def last_start(self) -> list[str]:
        """Return the output since the last start; of a long one, the beginning and the end."""
        if self._started:
            return []
        missing = self._count - len(self._lines) - self._marked  # of this start, and kept as its beginning at most
        first = [clean_line(*line) for line in self._first[: max(0, missing)]]
        return [*first, *lines_of_last_start(self.tail(KEPT))]

    def follow(self) -> AsyncIterator[str]:
        """Yield further lines, also of later starts, without an end."""
        return self._follow(self._count)

    async def _follow(self, position: int) -> AsyncIterator[str]:
        while True:
            changed = self._changed
            missed = self._count - len(self._lines) - position
            if missed > 0:  # a follower that cannot keep up misses lines, and delays nothing else
                missed += max(0, len(self._lines) - _GOES_ON_WITH)
                position += missed
                yield left_out(missed)
                await asyncio.sleep(_POLL_SECONDS)
                continue
            while position < self._count and self._count - position <= len(self._lines):
                if position % _LINES_AT_ONCE == 0:
                    await asyncio.sleep(0)
                    if self._count - position > len(self._lines):
                        break
                yield clean_line(*self._lines[position - self._count])
                position += 1
            if position >= self._count:
                await changed.wait()

    def _add(self, line: bytes) -> None:
        if len(line) > _RAW_BYTES:  # long lines are cleaned immediately, which bounds the memory
            line = clean_line(line, self._secrets).encode()
        if len(self._first) < BEGIN_LINES:
            self._first.append((line, self._secrets))
        self._lines.append((line, self._secrets))
        self._count += 1
        self._changed.set()
        self._changed = asyncio.Event()


def _in_full(time: str) -> str:
    """Return a time in the format of Docker's logs. Elsewhere Docker omits trailing zeros of the fraction."""
    second, _, fraction = time.removesuffix("Z").partition(".")
    return f"{second}.{fraction.ljust(_FRACTION, '0')}Z"
