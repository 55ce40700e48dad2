"""A fetch as it runs: bars on a terminal, plain lines elsewhere, events as JSON."""

from __future__ import annotations

import contextlib
import dataclasses
import json
import sys
import threading
import time
from typing import TYPE_CHECKING

import click

from modelgen.cli.compiling import is_terminal
from modelgen.hub.fetching.events import Advanced, Done, Event, Failed, Finished, Noticed, Planned, Report, Started

if TYPE_CHECKING:
    from collections.abc import Iterator

_EVERY = 10.0


@contextlib.contextmanager
def shown(format_: str) -> Iterator[Report]:
    """Yield what a fetch reports to; it may be called by several threads."""
    if format_ == "json":
        yield _Events().report
    elif is_terminal(sys.stderr):
        with _bars() as report:
            yield report
    else:
        yield _Lines().report


class _Events:
    """One JSON object a line on stdout; progress at most once a second."""

    def __init__(self) -> None:
        self._guard = threading.Lock()
        self._since: dict[tuple[str, str], int] = {}
        self._printed = time.monotonic()

    def report(self, event: Event) -> None:
        with self._guard:
            if isinstance(event, Advanced):
                key = (event.repo, event.file)
                self._since[key] = self._since.get(key, 0) + event.bytes
                if time.monotonic() - self._printed >= 1:
                    self._print_progress()
                return
            self._print_progress()
            print_event(event)

    def _print_progress(self) -> None:
        for (repo, file), count in self._since.items():
            if count:
                print_event(Advanced(repo, file, count))
        self._since.clear()
        self._printed = time.monotonic()


def print_event(event: Event) -> None:
    """Print one JSON object, whose `event` is the event's name in lower case."""
    click.echo(json.dumps({"event": type(event).__name__.lower(), **dataclasses.asdict(event)}))


class _Lines:
    """A line for each file and, while a long one comes, one every ten seconds."""

    def __init__(self) -> None:
        self._guard = threading.Lock()
        self._total = self._come = self._resumed = 0
        self._files = self._finished = 0
        self._start = self._printed = time.monotonic()

    def report(self, event: Event) -> None:
        with self._guard:
            match event:
                case Planned():
                    self._total, self._come, self._files = event.bytes, event.resumed, event.files
                    self._resumed = event.resumed
                    kept = f", {event.resumed:,} of them from an earlier run" if event.resumed else ""
                    files = f"{event.files} file{'s' if event.files != 1 else ''}"
                    click.echo(f"{files}, {event.bytes:,} bytes to fetch{kept}", err=True)
                case Advanced():
                    self._come += event.bytes
                    if time.monotonic() - self._printed >= _EVERY:
                        self._print_rate()
                case Finished():
                    self._finished += 1
                    click.echo(f"[{self._finished}/{self._files}] {event.repo}  {event.file}", err=True)
                case Noticed():
                    click.echo(event.text, err=True)
                case Started() | Failed() | Done():
                    pass  # said in the end

    def _print_rate(self) -> None:
        now = time.monotonic()
        rate = max(self._come - self._resumed, 1) / (now - self._start)
        left = max(self._total - self._come, 0) / rate
        come, total = (f"{count / 1e6:,.0f}" for count in (self._come, self._total))
        click.echo(f"{come} of {total} MB, {rate / 1e6:.1f} MB/s, {left:,.0f} s left", err=True)
        self._printed = now


@contextlib.contextmanager
def _bars() -> Iterator[Report]:
    """One bar for all, and one for each large file that is coming."""
    from rich.console import Console
    from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn, TransferSpeedColumn

    from modelgen.hub.fetching.bringing import LARGE

    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        DownloadColumn(),
        TransferSpeedColumn(),
        TimeRemainingColumn(),
    )
    progress = Progress(*columns, console=Console(stderr=True))
    everything = progress.add_task("all files", total=None)
    tasks = {}

    def report(event: Event) -> None:
        match event:
            case Planned():
                progress.update(everything, total=event.bytes, completed=event.resumed)
                progress.start()  # with nothing to do, there is nothing to see
            case Started(bytes=size) if size >= LARGE:
                tasks[event.repo, event.file] = progress.add_task(event.file, total=size, completed=event.resumed)
            case Advanced():
                progress.advance(everything, event.bytes)
                if (task := tasks.get((event.repo, event.file))) is not None:
                    progress.advance(task, event.bytes)
            case Finished():
                if (task := tasks.pop((event.repo, event.file), None)) is not None:
                    progress.remove_task(task)
            case Noticed():
                progress.console.print(event.text, markup=False, highlight=False)
            case _:
                pass

    try:
        yield report
    finally:
        progress.stop()
