"""Output of an engine: one bounded file to which the engine appends, and one with older output.

The engine writes to the file, not to the orchestrator, so it prints on while that is killed and started again. The file
is bounded by copying its end aside and truncating it. That works although the engine holds it open, for it was opened
to append; a relay process could lose nothing, but would be one more process to start, watch and adopt for each engine.
What is printed in the microseconds between the last read and the truncation is lost.
"""

from __future__ import annotations

import asyncio
import errno
import logging
import os
from typing import TYPE_CHECKING

from modelgen_runtime.failures.log_lines import BEGIN_LINES, END_LINES, LINE_BYTES, START_MARK, clean_line, left_out

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterable
    from pathlib import Path

FILE_BYTES = 4 << 20
_TAIL_BYTES = 1 << 20
_ROOM_BYTES = 1 << 20
_BACKLOG_BYTES = 2 << 20  # maximum lag of a follower
_MOST_LINES, _LINES_AT_ONCE = 1_000, 50  # of one block for a follower, and before other tasks run
_BLOCK_BYTES = 1 << 16
_BEGIN_BYTES, _END_BYTES = 1 << 18, 3 << 18
_MARK = f"\n{START_MARK}".encode()
_POLL_SECONDS = 0.1
_LOG = logging.getLogger(__name__)


class EngineLog:
    """The log of one model.

    Positions count all bytes since this object was made, those of the older file included, so that a follower is not
    confused by a truncation.
    """

    def __init__(self, path: Path, limit: int = FILE_BYTES) -> None:
        self._path, self._older, self._limit = path, path.with_name(f"{path.name}.1"), limit
        self._is_cutting = False  # positions in the file are unknown meanwhile
        self._start = _size(self._older)  # position of the file's first byte
        self._secrets: tuple[str, ...] = ()
        self._begun: int | None = (
            None  # position after the mark of the last start; None if an earlier orchestrator started it
        )

    def hide(self, secrets: Iterable[str]) -> None:
        """Mask these values from now on."""
        self._secrets = tuple(secrets)

    def open_for(self, generation: str) -> int:
        """Write a line that marks a start, and return a descriptor for the engine's output."""
        try:
            self.trim()
            self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            _check_room(self._path.parent)
            descriptor = os.open(
                self._path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600
            )  # the output may contain prompts
        except OSError as error:  # many programs exit if they cannot print, so the output is discarded
            _LOG.warning("%s cannot be written (%s): what the engine prints is lost", self._path, error.strerror)
            return os.open(os.devnull, os.O_WRONLY)
        os.write(descriptor, f"{START_MARK}{generation}\n".encode())
        self._begun = self._start + _size(self._path)
        return descriptor

    def trim(self) -> None:
        """Truncate the file if it exceeds its limit."""
        if self.has_outgrown:
            self._start += self._cut()

    async def trim_aside(self) -> None:
        """Truncate the file in a thread, since an engine may print hundreds of megabytes per second."""
        if self.has_outgrown:
            self._is_cutting = True
            try:
                self._start += await asyncio.to_thread(self._cut)
            finally:
                self._is_cutting = False

    @property
    def has_outgrown(self) -> bool:
        """Return whether the file exceeds its limit and is not being truncated."""
        return not self._is_cutting and _size(self._path) > self._limit

    def _cut(self) -> int:
        """Move the end of the file to the older one and truncate it; return its previous size."""
        with self._path.open("rb+") as file:
            file.seek(-self._limit, os.SEEK_END)
            # No more than that, since an engine may print as fast as this reads. An incomplete first line is dropped,
            # since a secret in it could not be recognized.
            kept = file.read(2 * self._limit).partition(b"\n")[2]
            try:
                self._older.touch(0o600)
                self._older.write_bytes(kept)
            except OSError:  # a full disk: the file is truncated nevertheless, which frees space
                self._older.unlink(missing_ok=True)
            length = file.tell()
            file.truncate(0)
            return length

    def tail(self, count: int) -> list[str]:
        """Return the last lines within the last MiB, oldest first, including an incomplete one."""
        data = self._last_bytes(_TAIL_BYTES)
        if len(data) == _TAIL_BYTES:
            data = data.partition(b"\n")[2]  # the first line may be incomplete
        lines = data.removesuffix(b"\n").split(b"\n") if data else []
        return [clean_line(line, self._secrets) for line in lines[-count:]] if count > 0 else []

    def last_start(self) -> list[str]:
        """Return the output since the last start; of a long one, the beginning and the end."""
        _, mark, said = (b"\n" + self._last_bytes(_END_BYTES)).rpartition(_MARK)
        first, last = b"", said.partition(b"\n")[2]
        # If an earlier orchestrator started it, or the file is being truncated, only its end is available.
        if not mark and self._begun is not None and not self._is_cutting:
            first = self._read_from(self._begun, _BEGIN_BYTES).rpartition(b"\n")[0]
        lines = [*first.split(b"\n")[:BEGIN_LINES], *last.removesuffix(b"\n").rsplit(b"\n", END_LINES)[-END_LINES:]]
        return [clean_line(line, self._secrets) for line in lines if line]

    def _last_bytes(self, count: int) -> bytes:
        data = b""
        for path in (self._path, self._older):
            wanted = count - len(data)
            data = _read(path, max(0, _size(path) - wanted), wanted) + data
        return data

    def _read_from(self, position: int, count: int) -> bytes:
        data = b""
        while len(data) < count:
            block, position = self._read_at(position)
            if not block:
                break
            data += block
        return data[:count]

    def follow(self) -> AsyncIterator[str]:
        """Yield further lines, also of later starts, without an end."""
        return self._follow(self._start + _size(self._path))

    async def _follow(self, position: int) -> AsyncIterator[str]:
        """Yield lines. A follower that cannot keep up misses some, and delays nothing else."""
        begun = b""
        while True:
            if self._is_behind(position):
                missed, is_least, position = await self._skip(position)
                yield left_out(missed, is_least=is_least)
                begun = b""
            block, position = self._read_at(position)
            if not block or len(block) == _BLOCK_BYTES:
                await asyncio.sleep(_POLL_SECONDS)
            *lines, begun = (begun + block).split(b"\n")
            begun = begun[:LINE_BYTES]
            if len(lines) > _MOST_LINES:
                yield left_out(len(lines) - _LINES_AT_ONCE)
                lines = lines[-_LINES_AT_ONCE:]
            for number, line in enumerate(lines):
                if number % _LINES_AT_ONCE == 0:
                    await asyncio.sleep(0)
                yield clean_line(line, self._secrets)

    def _is_behind(self, position: int) -> bool:
        """Return whether a follower has to skip lines, or some were removed."""
        if self._is_cutting:
            return False
        end = self._start + _size(self._path)
        return end - position > _BACKLOG_BYTES or position < self._start - _size(self._older)

    async def _skip(self, position: int) -> tuple[int, bool, int]:
        """Skip all but the last lines.

        Returns:
            How many lines that were, whether some could not be counted, and the position of the next one.
        """
        oldest, end = self._start - _size(self._older), self._start + _size(self._path)
        is_least, count = position < oldest, 0
        last = position = max(position, oldest)
        while end - position > _BLOCK_BYTES and (count or end - position > _BACKLOG_BYTES):
            block, after = self._read_at(position)
            if not block:
                break
            is_least |= after - len(block) > position
            count += block.count(b"\n")
            position = after
            if b"\n" in block:
                last = after - len(block) + block.rindex(b"\n") + 1
            await asyncio.sleep(0)
        return count, is_least, last

    def _read_at(self, position: int) -> tuple[bytes, int]:
        """Return bytes from a position, and the position after them; none while the file is being truncated."""
        if self._is_cutting:
            return b"", position
        older = self._start - _size(self._older)
        if position < self._start:
            position = max(position, older)
            block = _read(self._older, position - older, _BLOCK_BYTES)
            return (block, position + len(block)) if block else self._read_at(self._start)
        if position > self._start + _size(self._path):  # another process truncated the file
            position = self._start
        block = _read(self._path, position - self._start, _BLOCK_BYTES)
        return block, position + len(block)


def _check_room(folder: Path) -> None:
    """Raise the error of a full disk before it is completely full."""
    found = os.statvfs(folder)
    if found.f_bavail * found.f_frsize < _ROOM_BYTES:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return 0


def _read(path: Path, offset: int, count: int) -> bytes:
    try:
        with path.open("rb") as file:
            file.seek(offset)
            return file.read(count)
    except FileNotFoundError:
        return b""
