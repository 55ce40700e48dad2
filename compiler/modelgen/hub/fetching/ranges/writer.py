"""Write the data of one connection into a partial file, past the page cache where possible."""

from __future__ import annotations

import contextlib
import mmap
import os
import time
from typing import TYPE_CHECKING, Self

from modelgen.files import UNSUPPORTED
from modelgen.hub.fetching.ranges.part import BLOCK

if TYPE_CHECKING:
    from pathlib import Path

    from modelgen.hub.fetching.ranges.part import Part
    from modelgen.hub.fetching.ranges.spans import Span

# Alignment of offsets and sizes for direct writes.
_SECTOR = 4096
# Seconds after which data is written although it fills no block: on a slow line, a kill must not lose minutes.
_LATEST = 1.0
_DIRECT: int | None = getattr(os, "O_DIRECT", None)
_BINARY: int = getattr(os, "O_BINARY", 0)


class Writer:
    """The writer of one connection: it claims ranges of a part and fills them from front to end.

    Writing many gigabytes through the page cache costs more CPU time than hashing them, and evicts pages of other
    programs, so full blocks bypass it. Partial blocks are written normally.

    Raises:
        OSError: The file cannot be written.
    """

    def __init__(self, part: Part) -> None:
        self._part = part
        self._buffer = memoryview(mmap.mmap(-1, BLOCK))  # page-aligned, for direct writes
        self._usual = os.open(part.path, os.O_WRONLY | _BINARY)
        self._direct = _open_direct(part.path)
        self._span: Span | None = None
        self._written = self._filled = 0
        self._at = time.monotonic()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        with contextlib.suppress(OSError):  # callers that need the data written have called `release`
            self.release()
        os.close(self._usual)
        if self._direct is not None:
            os.close(self._direct)

    @property
    def position(self) -> int:
        """The offset of the next byte."""
        return self._written + self._filled

    @property
    def stop(self) -> int | None:
        """The end of the range; None while the size of the file is unknown."""
        if self._part.size is None or self._span is None:
            return None
        return min(self._span[1], self._part.size)

    @property
    def reach(self) -> int | None:
        """The end of the gap that contains the range; None if the rest of the file is free."""
        return None if self._span is None else self._part.reach(self._span)

    @property
    def room(self) -> memoryview:
        """The buffer for the next bytes."""
        left = BLOCK if self.stop is None else self.stop - self._written
        return self._buffer[self._filled : min(BLOCK - self._written % BLOCK, left)]

    def claim(self) -> bool:
        """Claim the first free range; return False if there is none."""
        self._span = self._part.claim()
        if self._span is None:
            return False
        self._written, self._filled = self._span[0], 0
        return True

    def extend(self) -> bool:
        """Extend the range; return False if another connection has the next one, or at the end of the file."""
        longer = self._span and self._part.extend(self._span)
        self._span = longer or self._span
        return longer is not None

    def take(self, count: int) -> None:
        """Accept bytes that were put into `room`, and write them when there are enough."""
        self._filled += count
        if not self.room or time.monotonic() - self._at > _LATEST:
            self._flush()

    def restart(self) -> None:
        """Discard the file and start again; no other connection may be active."""
        self._filled = 0
        if self._span is not None:
            self._part.release(self._span)
        self._part.restart()
        self.claim()

    def release(self) -> None:
        """Write the received data, and release the rest of the range.

        Raises:
            OSError: It cannot be written.
        """
        if self._span is None:
            return
        try:
            self._flush()
        finally:
            self._part.release(self._span)
            self._span = None

    def _flush(self) -> None:
        while self._filled:
            count = self._write(self._buffer[: self._filled])
            self._part.wrote(self._written, self._buffer[:count])
            if count < self._filled:
                self._buffer[: self._filled - count] = bytes(self._buffer[count : self._filled])
            self._written += count
            self._filled -= count
        self._at = time.monotonic()

    def _write(self, data: memoryview) -> int:
        if self._direct is not None and not (self._written % _SECTOR or len(data) % _SECTOR):
            try:
                return _write_at(self._direct, data, self._written)
            except OSError as error:
                if error.errno not in UNSUPPORTED:
                    raise
                # The disk needs larger sectors.
                os.close(self._direct)
                self._direct = None
        return _write_at(self._usual, data, self._written)


def _open_direct(path: Path) -> int | None:
    """Open an existing file for direct writes, or return None if that is not supported."""
    if _DIRECT is None:
        return None
    try:
        return os.open(path, os.O_WRONLY | _DIRECT)
    except OSError:
        return None


def _write_at(descriptor: int, data: memoryview, place: int) -> int:
    os.lseek(descriptor, place, os.SEEK_SET)
    return os.write(descriptor, data)
