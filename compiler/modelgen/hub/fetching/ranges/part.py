"""Write a partial file over one or several connections, and hash it as it grows."""

from __future__ import annotations

import errno
import os
import threading
from typing import TYPE_CHECKING, Self

from modelgen.files import sync
from modelgen.hub.cache.hashing import Digest
from modelgen.hub.fetching.ranges.spans import Journal, Span, first_gap, journal_of, merged, spans_of

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

BLOCK = 2**22
# One of several connections takes a share of the rest at a time: small enough that the hash keeps up with the front of
# the file and that the last ranges end together; large enough that connecting again costs little.
_SHARES = 16
_SHORTEST_STRETCH = 2 * BLOCK
_LONGEST_STRETCH = 16 * BLOCK
_BINARY: int = getattr(os, "O_BINARY", 0)
# The assumed end of a file of unknown size.
_FAR = 2**62


class Part:
    """A partial file, with the hash of its content.

    Connections claim ranges of it in order and write each with a writer of their own. While one connection writes from
    front to end, the length of the file records what arrived; the first claim out of order starts a journal.

    Args:
        path: The path; existing content is kept.
        size: The final size; None while unknown.
        advanced: Called with the number of bytes written, or a negative number when they are discarded.

    Raises:
        OSError: It cannot be written.
    """

    def __init__(self, path: Path, size: int | None, advanced: Callable[[int], None]) -> None:
        self.path = path
        self.size = size
        self.digest = Digest()
        self._advanced = advanced
        self._changed = threading.Condition()
        self._descriptor = os.open(path, os.O_RDWR | os.O_CREAT | _BINARY, 0o666)
        self._there = spans_of(path)
        self._claimed: list[Span] = []
        self._journal: Journal | None = None
        self._hashed = 0
        self._is_hashing = False
        # With an unknown size, missing bytes cannot be determined.
        if size is None or any(stop > size for _, stop in self._there):
            self.restart()
        elif len(self._there) > 1 or journal_of(path).exists():
            self._journal = Journal(path, self._there)
        self._catch_up()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        os.close(self._descriptor)
        if self._journal is not None:
            self._journal.close()

    @property
    def is_full(self) -> bool:
        """Return whether all bytes have arrived."""
        with self._changed:
            return self.size is not None and self._there == ([(0, self.size)] if self.size else [])

    @property
    def has_gap(self) -> bool:
        """Return whether there are unclaimed bytes."""
        with self._changed:
            return self.size is not None and first_gap(merged([*self._there, *self._claimed]), self.size) is not None

    def claim(self) -> Span | None:
        """Claim the first free range, to be returned with `release`; None if there is none."""
        with self._changed:
            taken = merged([*self._there, *self._claimed])
            gap = first_gap(taken, _FAR if self.size is None else self.size)
            if gap is None:
                return None
            span = gap[0], gap[1] if self.size is None else self._end_of_stretch(*gap)
            if self._claimed and self._journal is None:
                self._journal = Journal(self.path, self._there)
            self._claimed.append(span)
            return span

    def extend(self, span: Span) -> Span | None:
        """Claim the range after `span` and return both as one; None if it is taken or there is none."""
        with self._changed:
            taken = merged([*self._there, *self._claimed])
            behind = next(stop for start, stop in taken if start <= span[0] < stop)
            if behind != span[1] or self.size is None or behind >= self.size:
                return None
            following = next((start for start, _ in taken if start > behind), self.size)
            longer = span[0], self._end_of_stretch(behind, following)
            self._claimed[self._claimed.index(span)] = longer
            return longer

    def reach(self, span: Span) -> int | None:
        """Return the end of the gap that contains `span`; None for the end of the file."""
        with self._changed:
            behind = [start for start, _ in (*self._there, *self._claimed) if start >= span[1]]
            return min(behind, default=None)

    def release(self, span: Span) -> None:
        """Release a range; its unwritten part is free again."""
        with self._changed:
            self._claimed.remove(span)
            self._changed.notify_all()

    def wait(self, seconds: float) -> None:
        """Wait until a range is released, or until the timeout."""
        with self._changed:
            self._changed.wait(seconds)

    def wrote(self, start: int, data: memoryview) -> None:
        """Record bytes that were written at `start`, and continue hashing."""
        with self._changed:
            stop = start + len(data)
            self._there = merged([*self._there, (start, stop)])
            if self._journal is not None:
                self._journal.add(start, stop)
            hashes = not self._is_hashing
            self._is_hashing = True
        self._advanced(len(data))
        if not hashes:
            return  # the thread that hashes will reach these bytes
        try:
            if start == self._hashed:
                self.digest.update(data)
                self._hashed = stop
            self._catch_up()
        finally:
            self._is_hashing = False

    def restart(self) -> None:
        """Discard the content."""
        with self._changed:
            os.ftruncate(self._descriptor, 0)
            self._drop_journal()
            if self._there:
                self._advanced(-sum(stop - start for start, stop in self._there))
            self._there = []
            self.digest, self._hashed = Digest(), 0

    def finish(self) -> str:
        """Sync the file and return its hash; it must be full, without active writers.

        Raises:
            OSError: The file cannot be written, or read again.
        """
        self._catch_up()
        sync(self._descriptor)
        self._drop_journal()
        return self.digest.hex()

    def _drop_journal(self) -> None:
        if self._journal is not None:
            self._journal.remove()
            self._journal = None
        journal_of(self.path).unlink(missing_ok=True)

    def _end_of_stretch(self, start: int, limit: int) -> int:
        length = ((self.size or 0) - start) // _SHARES // BLOCK * BLOCK
        stop = start // BLOCK * BLOCK + min(max(length, _SHORTEST_STRETCH), _LONGEST_STRETCH)
        return min(stop, limit)

    def _front(self) -> int:
        with self._changed:
            return self._there[0][1] if self._there and self._there[0][0] == 0 else 0

    def _catch_up(self) -> None:
        """Hash ranges that arrived out of order and are now contiguous; only one thread may call this."""
        buffer: memoryview | None = None
        while self._hashed < (stop := self._front()):
            if buffer is None:
                buffer = memoryview(bytearray(2**20))
            room = buffer[: min(len(buffer), stop - self._hashed)]
            count = _read_at(self._descriptor, room, self._hashed)
            if not count:
                raise OSError(errno.EIO, "it became shorter while it was read", os.fspath(self.path))
            self.digest.update(room[:count])
            self._hashed += count


def _read_at(descriptor: int, room: memoryview, place: int) -> int:
    os.lseek(descriptor, place, os.SEEK_SET)
    return os.readv(descriptor, [room]) if hasattr(os, "readv") else _read_copied(descriptor, room)


def _read_copied(descriptor: int, room: memoryview) -> int:
    data = os.read(descriptor, len(room))
    room[: len(data)] = data
    return len(data)
