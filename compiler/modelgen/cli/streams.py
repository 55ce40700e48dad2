"""Prepare the standard streams, whose readers may leave before the end."""

from __future__ import annotations

import contextlib
import io
import os
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator


class _Output(io.TextIOWrapper):
    """The output of a command. It remembers that its reader has left: click hides the error, and exits with 1."""

    is_unread = False

    def write(self, text: str, /) -> int:
        with self._noticing():
            return super().write(text)

    def flush(self) -> None:
        with self._noticing():
            super().flush()

    @contextlib.contextmanager
    def _noticing(self) -> Iterator[None]:
        try:
            yield
        except BrokenPipeError:
            self.is_unread = True
            raise


class _Messages(io.TextIOWrapper):
    """A stream of messages: a reader that has left, or a full disk, changes nothing about the command."""

    def write(self, text: str, /) -> int:
        with contextlib.suppress(OSError):
            return super().write(text)
        return len(text)

    def flush(self) -> None:
        with contextlib.suppress(OSError):
            super().flush()


def prepare() -> None:
    """Write UTF-8: a redirected stream on Windows may be cp1252, which cannot encode all ids."""
    encoded = ("utf-8", "backslashreplace")
    if isinstance(sys.stdout, io.TextIOWrapper):
        is_line_buffered, is_written_through = sys.stdout.line_buffering, sys.stdout.write_through
        sys.stdout = _Output(
            sys.stdout.detach(), *encoded, line_buffering=is_line_buffered, write_through=is_written_through
        )
    if isinstance(sys.stderr, io.TextIOWrapper):
        sys.stderr = _Messages(sys.stderr.detach(), *encoded, line_buffering=True)


def flush() -> None:
    """Flush the output, so that a full disk is reported as an error here and not by the interpreter's end."""
    if sys.stdout is not None:
        sys.stdout.flush()


def drop_output() -> None:
    """Replace stdout, so that the interpreter's end does not try to write it again."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
