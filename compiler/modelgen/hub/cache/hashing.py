"""Hash files: SHA-256, and git's id for small ones. hashlib releases the GIL meanwhile."""

from __future__ import annotations

import hashlib
import os
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, TypeVar

from modelgen.files import ReadError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from io import FileIO
    from pathlib import Path

    from modelgen.lockfile.entries import File

_BLOCK = 2**20
# Two threads keep up with a fast disk; more would only make a slow one seek.
THREADS = min(os.cpu_count() or 1, 4)

_worker = threading.local()

T = TypeVar("T")
R = TypeVar("R")


class StoppedError(Exception):
    """The hash is no longer needed."""


class Digest:
    """An incremental hash: SHA-256, or git's blob id, which needs the size beforehand."""

    def __init__(self, git_size: int | None = None) -> None:
        if git_size is None:
            self._hash = hashlib.sha256()
        else:
            self._hash = hashlib.sha1(b"blob %d\0" % git_size, usedforsecurity=False)

    def update(self, data: bytes | bytearray | memoryview) -> None:
        """Add some bytes.

        Raises:
            StoppedError: This is a thread of `in_parallel`, which has ended.
        """
        stop: threading.Event | None = getattr(_worker, "stop", None)
        if stop is not None and stop.is_set():
            raise StoppedError
        self._hash.update(data)

    def add_file(self, path: Path, progress: Callable[[int], None] | None = None) -> None:
        """Add all bytes of a file.

        Raises:
            OSError: The file cannot be read.
        """
        with path.open("rb", buffering=0) as file:
            self.add_open(file, progress)

    def add_open(self, file: FileIO, progress: Callable[[int], None] | None = None) -> None:
        """Add the rest of an open file.

        Raises:
            OSError: The file cannot be read.
        """
        buffer = memoryview(bytearray(_BLOCK))
        while count := _read(file, buffer):
            self.update(buffer[:count])
            if progress is not None:
                progress(count)

    def hex(self) -> str:
        """Return the hash of the bytes so far."""
        return self._hash.hexdigest()


def _read(file: FileIO, buffer: memoryview) -> int:
    """Read a block; add the file's name to an error, which Python does not."""
    try:
        return file.readinto(buffer)
    except OSError as error:
        raise ReadError(error.errno, error.strerror, str(file.name)) from error


def is_intact(path: Path, file: File, progress: Callable[[int], None] | None = None) -> bool:
    """Return whether the file at `path` has the content that the lock names.

    Raises:
        OSError: The file cannot be read.
    """
    digest = Digest(None if file.sha256 else path.stat().st_size)
    digest.add_file(path, progress)
    return digest.hex() == file.etag


def in_parallel(function: Callable[[T], R], items: Iterable[T], threads: int = THREADS) -> Iterator[R]:
    """Yield the results of `function` in the order of `items`, several at once.

    Leaving early, such as by Ctrl-C, waits for at most one block of each file that is being hashed.
    """
    stop = threading.Event()
    with ThreadPoolExecutor(threads, initializer=lambda: setattr(_worker, "stop", stop)) as pool:
        try:
            yield from pool.map(function, items)
        finally:
            stop.set()
            pool.shutdown(wait=False, cancel_futures=True)
