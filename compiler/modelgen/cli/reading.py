"""Show the progress of reading many gigabytes, on a terminal."""

from __future__ import annotations

import contextlib
import sys
import threading
from typing import TYPE_CHECKING

import click

from modelgen.cli.exits import INTERRUPTED
from modelgen.cli.terminal import fill, is_terminal, width_of
from modelgen.sizes import of_files

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


def printable(text: str) -> str:
    """Return a text without control characters, since names are untrusted."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape", "replace").decode("ascii") for c in text)


def say(text: str) -> None:
    """Print a line about what was done on stderr."""
    click.echo(printable(f"modelgen: {text}"), err=True)


def warn(text: str) -> None:
    """Print a warning on stderr; on a terminal, wrap it between words."""
    click.echo(fill(printable(f"warning: {text}"), width_of(sys.stderr), "  "), err=True)


def interrupted(consequence: str) -> int:
    """Print that the command was interrupted, and return the exit code."""
    click.echo(f"modelgen: interrupted; {consequence}", err=True)
    return INTERRUPTED


@contextlib.contextmanager
def reading(total: int) -> Iterator[Callable[[int], None]]:
    """Yield a function that several threads call with their progress; it is shown only on a terminal."""
    if not is_terminal(sys.stderr):
        yield lambda _: None
        return
    guard, read, shown = threading.Lock(), 0, -1

    def advanced(count: int) -> None:
        nonlocal read, shown
        with guard:
            read += count
            percent = read * 100 // max(total, 1)
            if percent != shown:
                shown = percent
                sys.stderr.write(f"\rreading {of_files(read)} of {of_files(total)}, {percent} %")
                sys.stderr.flush()

    try:
        yield advanced
    finally:
        sys.stderr.write("\r\x1b[K")
        sys.stderr.flush()
