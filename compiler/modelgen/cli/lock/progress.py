"""Show progress on a terminal while a lock is made."""

from __future__ import annotations

import contextlib
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import click

from modelgen.cli.terminal import is_terminal

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


@dataclass(frozen=True)
class Progress:
    """Receives the progress of the look-ups, from several threads."""

    say: Callable[[str], None]
    asked: Callable[[int], None]
    planned: Callable[[int], None]
    hashed: Callable[[int], None]


@contextlib.contextmanager
def shown() -> Iterator[Progress]:
    """Yield a progress that shows bars on a terminal, and only messages elsewhere."""
    if is_terminal(sys.stderr):
        with _bars() as progress:
            yield progress
    else:
        yield Progress(_echo, _ignore, _ignore, _ignore)


def _echo(text: str) -> None:
    click.echo(f"modelgen: {text}", err=True)


def _ignore(_: int) -> None:
    pass


@contextlib.contextmanager
def _bars() -> Iterator[Progress]:
    from rich.console import Console
    from rich.progress import BarColumn, DownloadColumn, SpinnerColumn, TextColumn, TimeRemainingColumn
    from rich.progress import Progress as Bars

    columns: list[Any] = [SpinnerColumn(), TextColumn("{task.description}")]
    console = Console(stderr=True)
    with contextlib.ExitStack() as stack:
        asking = stack.enter_context(Bars(*columns, console=console, transient=True))
        tasks: dict[str, Any] = {}
        totals = {"bytes": 0}

        def asked(count: int) -> None:
            text = f"looking up {count} repositor{'y' if count == 1 else 'ies'} on the hub"
            asking.add_task(text, total=None)

        def planned(count: int) -> None:
            totals["bytes"] += count
            if "hashing" not in tasks:
                asking.columns = (*columns, BarColumn(), DownloadColumn(), TimeRemainingColumn())
                tasks["hashing"] = asking.add_task("hashing local files", total=0)
            asking.update(tasks["hashing"], total=totals["bytes"])

        def hashed(count: int) -> None:
            asking.advance(tasks["hashing"], count)

        def say(text: str) -> None:
            console.print(f"modelgen: {text}", markup=False, highlight=False, soft_wrap=True)

        yield Progress(say, asked, planned, hashed)
