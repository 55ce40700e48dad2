"""A file that grows as it comes, hashed on its way, and written past the page cache where that can be."""

from __future__ import annotations

import contextlib
import mmap
import os
import time
from typing import TYPE_CHECKING, Self

from modelgen.files import UNSUPPORTED, sync
from modelgen.hub.hashing import Digest

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

_BLOCK = 2**22
# What a disk may want the places and sizes of direct writes to be a multiple of.
_SECTOR = 4096
# Seconds after which what has come is written, though it fills no block: on a slow line a kill must not cost minutes.
_LATEST = 1.0
_DIRECT: int | None = getattr(os, "O_DIRECT", None)
_BINARY: int = getattr(os, "O_BINARY", 0)


class Part:
    """A file that grows, with the hash of what it holds.

    Many gigabytes through the page cache cost more time of the processor than hashing them, and push out of it what
    others need; so whole blocks go to the disk directly. What does not fill a block goes the usual way.

    Args:
        path: Where it grows; what is there is kept.
        size: In the end; None while it is not known.
        advanced: Told how many bytes were written, or fewer than none when they were given up.

    Raises:
        OSError: It cannot be written.
    """

    def __init__(self, path: Path, size: int | None, advanced: Callable[[int], None]) -> None:
        self.size = size
        self._advanced = advanced
        self._buffer = memoryview(mmap.mmap(-1, _BLOCK))  # begins at a page, as direct writes want
        self._filled = 0
        self._usual = os.open(path, os.O_WRONLY | os.O_CREAT | _BINARY, 0o666)
        self._direct = _open_direct(path)
        self._written = os.fstat(self._usual).st_size
        self._at = time.monotonic()
        self.digest = Digest()
        # Of unknown size, it cannot be told whether anything is missing.
        if size is None or self._written > size:
            self.restart()
        elif self._written:
            self.digest.add_file(path)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        with contextlib.suppress(OSError):  # whoever needs it to be there has called `sync`
            self._flush()
        os.close(self._usual)
        if self._direct is not None:
            os.close(self._direct)

    @property
    def have(self) -> int:
        """How many bytes have come."""
        return self._written + self._filled

    @property
    def is_full(self) -> bool:
        """Whether all have come."""
        return self.size is not None and self.have >= self.size

    @property
    def room(self) -> memoryview:
        """Where the next bytes belong, as many as there is room for before they are written."""
        left = _BLOCK if self.size is None else self.size - self._written
        return self._buffer[self._filled : min(_BLOCK - self._written % _BLOCK, left)]

    def take(self, count: int) -> None:
        """Count bytes that were put into `room`, and write them when there are enough."""
        self._filled += count
        if not self.room or time.monotonic() - self._at > _LATEST:
            self._flush()

    def restart(self) -> None:
        """Give up what is there."""
        os.ftruncate(self._usual, 0)
        if self._written:
            self._advanced(-self._written)
        self._written = self._filled = 0
        self.digest = Digest()

    def sync(self) -> None:
        """Put it on the disk."""
        self._flush()
        sync(self._usual)

    def _flush(self) -> None:
        while self._filled:
            count = self._write(self._buffer[: self._filled])
            self.digest.update(self._buffer[:count])
            if count < self._filled:
                self._buffer[: self._filled - count] = bytes(self._buffer[count : self._filled])
            self._written += count
            self._filled -= count
            self._advanced(count)
        self._at = time.monotonic()

    def _write(self, data: memoryview) -> int:
        if self._direct is not None and not (self._written % _SECTOR or len(data) % _SECTOR):
            try:
                return _write_at(self._direct, data, self._written)
            except OSError as error:
                if error.errno not in UNSUPPORTED:
                    raise
                # It wants larger sectors, or takes direct writes only when it is opened.
                os.close(self._direct)
                self._direct = None
        return _write_at(self._usual, data, self._written)


def _open_direct(path: Path) -> int | None:
    """Open a file that is there for direct writes, or return None where there is no such thing."""
    if _DIRECT is None:
        return None
    try:
        return os.open(path, os.O_WRONLY | _DIRECT)
    except OSError:
        return None


def _write_at(descriptor: int, data: memoryview, place: int) -> int:
    os.lseek(descriptor, place, os.SEEK_SET)
    return os.write(descriptor, data)
