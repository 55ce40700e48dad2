"""Draw progress bars: one for all repositories, and one for each large file in transfer."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

from rich.console import Console
from rich.progress import (
    BarColumn,
    DownloadColumn,
    Progress,
    ProgressColumn,
    TaskID,
    TextColumn,
    TimeRemainingColumn,
    TransferSpeedColumn,
)
from rich.table import Column

from modelgen.hub.fetching.bringing import LARGE
from modelgen.hub.fetching.events import Advanced, Completed, Event, Finished, Noticed, Planned, Report, Started

if TYPE_CHECKING:
    from collections.abc import Iterator

_WIDE = 100
"""Width from which on there is room for a bar and the file's name beside the repository's."""

_NUMBERS = 33
"""Columns that the numbers need, with spaces."""
_NARROWEST = 5


@contextlib.contextmanager
def bars() -> Iterator[Report]:
    """Yield the receiver of a fetch's events; the cursor is restored however the block ends."""
    console = Console(stderr=True)
    progress = Progress(*_columns(console.width), console=console, expand=True)
    shown = _Bars(progress)
    try:
        yield shown.report
    finally:
        # A signal during rich's own start leaves it half started, and its stop fails.
        with contextlib.suppress(IndexError):
            progress.stop()
        console.show_cursor()


def _columns(width: int) -> list[ProgressColumn]:
    """Return the columns that fit: the name is dropped first, and no line wraps."""
    name = TextColumn(
        "{task.description}", markup=False, table_column=Column(ratio=2, no_wrap=True, overflow="ellipsis")
    )
    bar = [BarColumn(bar_width=None, table_column=Column(ratio=1))] if width >= _WIDE else []
    numbers = (
        DownloadColumn(table_column=_number()),
        TransferSpeedColumn(table_column=_number()),
        TimeRemainingColumn(compact=True, table_column=_number()),
    )
    return [name, *bar, *numbers]


def _number() -> Column:
    return Column(no_wrap=True, justify="right")


def _shortened(name: str, width: int) -> str:
    """Return a name without its middle, since names mostly differ at the end."""
    if len(name) <= width or width < _NARROWEST:
        return name
    head = (width - 1) // 2
    return f"{name[:head]}…{name[head + 1 - width :]}"


class _Bars:
    """The bars, updated by events."""

    def __init__(self, progress: Progress) -> None:
        self._progress = progress
        self._is_wide = progress.console.width >= _WIDE
        self._everything = progress.add_task("all", total=None)
        self._tasks: dict[tuple[str, str], TaskID] = {}
        self._repositories = self._completed = 0

    def report(self, event: Event) -> None:
        match event:
            case Planned():
                self._repositories = event.repositories
                self._progress.update(self._everything, total=event.bytes, completed=event.resumed)
                self._count()
                self._progress.start()  # nothing to do: show no bars
            case Started(bytes=size) if size >= LARGE:
                name = self._name(event.repo, event.file)
                self._tasks[event.repo, event.file] = self._progress.add_task(name, total=size, completed=event.resumed)
            case Advanced():
                self._progress.advance(self._everything, event.bytes)
                if (task := self._tasks.get((event.repo, event.file))) is not None:
                    self._progress.advance(task, event.bytes)
            case Finished():
                if (task := self._tasks.pop((event.repo, event.file), None)) is not None:
                    self._progress.remove_task(task)
            case Completed():
                self._completed += 1
                self._count()
            case Noticed():
                self._progress.console.print(event.text, markup=False, highlight=False)
            case _:
                pass

    def _name(self, repo: str, file: str) -> str:
        if self._is_wide:
            return f"{repo}  {file}"
        return _shortened(repo.rpartition("/")[2], self._progress.console.width - _NUMBERS)

    def _count(self) -> None:
        repos = " repositories" if self._is_wide else " repos"
        self._progress.update(self._everything, description=f"{self._completed}/{self._repositories}{repos}")
