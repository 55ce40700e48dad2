"""What engines print: a file each, which outlives the orchestrator and never grows beyond a bound.

The file is the engine's own standard output, opened to append. A pipe would break with the orchestrator and take the
engine along; a file that is appended to can be cut short under the engine's hands.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import re
import shutil
from typing import TYPE_CHECKING, BinaryIO

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterable
    from pathlib import Path

_MOST_BYTES = 16 * 2**20
_AT_ONCE = 256 * 1024
_LONGEST_LINE = 16 * 1024
_PAUSE = 0.1
_TOKEN = re.compile(r"hf_[A-Za-z0-9]{20,}|sk-[A-Za-z0-9_-]{20,}")
_SHORTEST_SECRET = 8


class EngineLogs:
    """The logs of all engines.

    Args:
        folder: Made if it is not there.
    """

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._folder = folder
        self._secrets: dict[str, tuple[str, ...]] = {}

    def hide(self, model: str, secrets: Iterable[str]) -> None:
        """Never give out these values."""
        self._secrets[model] = tuple(value for value in secrets if len(value) >= _SHORTEST_SECRET)

    def open(self, model: str) -> BinaryIO:
        """Open a log to append to it."""
        descriptor = os.open(self._path(model), os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        return os.fdopen(descriptor, "wb", buffering=0)

    def size(self, model: str) -> int:
        """Return how long a log is: where the next start begins."""
        with contextlib.suppress(OSError):
            return self._path(model).stat().st_size
        return 0

    def tail(self, model: str, count: int, since: int = 0) -> list[str]:
        """Return the last lines, the oldest first.

        Args:
            model: Id of the model.
            count: How many at most.
            since: Byte at which to begin; after the log was cut short, its beginning.
        """
        try:
            with self._path(model).open("rb") as file:
                size = file.seek(0, os.SEEK_END)
                begin = max(since if since <= size else 0, size - _AT_ONCE)
                file.seek(begin)
                data = file.read(_AT_ONCE)
        except OSError:
            return []
        lines = data.split(b"\n")
        if begin > since:
            lines = lines[1:]  # the rest of a line
        if lines and not lines[-1]:
            lines.pop()
        return [self._show(model, line) for line in lines[-count:]] if count else []

    async def follow(self, model: str) -> AsyncIterator[str]:
        """Yield lines from now on."""
        position, rest = self.size(model), b""
        while True:
            size = self.size(model)
            if size < position:
                position, rest = 0, b""
            if size == position:
                await asyncio.sleep(_PAUSE)
                continue
            with self._path(model).open("rb") as file:
                file.seek(position)
                data = file.read(_AT_ONCE)
            position += len(data)
            *lines, rest = (rest + data).split(b"\n")
            if len(rest) > _LONGEST_LINE:
                lines, rest = [*lines, rest], b""
            for line in lines:
                yield self._show(model, line)

    def cut(self) -> None:
        """Cut short what has grown too long; the part before is kept beside it.

        What is printed between the copy and the cut is lost: a few lines of 16 MiB.
        """
        for path in self._folder.glob("*.log"):
            if path.stat().st_size > _MOST_BYTES:
                shutil.copyfile(path, path.with_suffix(".log.1"))
                os.truncate(path, 0)

    def _path(self, model: str) -> Path:
        return self._folder / f"{model}.log"

    def _show(self, model: str, line: bytes) -> str:
        text = line[:_LONGEST_LINE].rstrip(b"\r").decode(errors="replace")
        for secret in self._secrets.get(model, ()):
            text = text.replace(secret, "•••")
        return _TOKEN.sub("•••", text)
