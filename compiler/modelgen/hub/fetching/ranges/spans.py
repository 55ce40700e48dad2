"""Track which byte ranges of a partial file are written, in a journal that survives a kill."""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

Span = tuple[int, int]
"""The first byte and the one after the last."""

# A kill may have cut the last line short; a complete one ends with a newline.
_LINE = re.compile(rb"^(\d{1,18}) (\d{1,18})\n", re.MULTILINE)
_BINARY: int = getattr(os, "O_BINARY", 0)


def merged(spans: Iterable[Span]) -> list[Span]:
    """Return spans in order, with those that touch or overlap joined."""
    found: list[Span] = []
    for start, stop in sorted(spans):
        if start >= stop:
            continue
        if found and start <= found[-1][1]:
            found[-1] = (found[-1][0], max(found[-1][1], stop))
        else:
            found.append((start, stop))
    return found


def first_gap(spans: list[Span], size: int) -> Span | None:
    """Return the first gap that merged spans leave in a file of `size` bytes."""
    start = 0
    for first, stop in spans:
        if start < first:
            return start, min(first, size)
        start = stop
    return (start, size) if start < size else None


def bytes_there(path: Path) -> int:
    """Return how many bytes of a partial file arrived in earlier runs."""
    return sum(stop - start for start, stop in spans_of(path))


def spans_of(path: Path) -> list[Span]:
    """Return the spans of a partial file that arrived in earlier runs.

    Without a journal, everything up to the end of the file is present.
    """
    try:
        size = path.lstat().st_size
    except OSError:
        return []
    try:
        noted = journal_of(path).read_bytes()
    except FileNotFoundError:
        return [(0, size)] if size else []
    except OSError:
        return []
    return merged((int(start), min(int(stop), size)) for start, stop in _LINE.findall(noted))


def journal_of(path: Path) -> Path:
    """Return the path of a partial file's journal."""
    return path.with_name(f"{path.name}.spans")


class Journal:
    """The journal of one partial file: one line per span, written after the bytes themselves.

    Lines are appended, so a kill loses at most the last one. The file is hashed at the end in any case.

    Args:
        path: The partial file.
        spans: The spans that are present.

    Raises:
        OSError: The journal cannot be written.
    """

    def __init__(self, path: Path, spans: Iterable[Span]) -> None:
        self._path = journal_of(path)
        staged = self._path.with_name(f"{self._path.name}.new")
        staged.write_text("".join(f"{start} {stop}\n" for start, stop in spans), encoding="ascii")
        staged.replace(self._path)
        self._descriptor = os.open(self._path, os.O_WRONLY | os.O_APPEND | _BINARY)

    def add(self, start: int, stop: int) -> None:
        """Record a span that has been written."""
        os.write(self._descriptor, f"{start} {stop}\n".encode("ascii"))

    def close(self) -> None:
        """Close the journal, and keep it for the next run."""
        os.close(self._descriptor)

    def remove(self) -> None:
        """Remove the journal: the file is complete, or empty."""
        self.close()
        self._path.unlink(missing_ok=True)
