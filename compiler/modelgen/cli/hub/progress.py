"""Show a running fetch: bars on a terminal, plain lines elsewhere, or events as JSON."""

from __future__ import annotations

import contextlib
import dataclasses
import json
import sys
import threading
import time
from typing import TYPE_CHECKING

import click

from modelgen.cli.terminal import is_terminal
from modelgen.hub.fetching.events import (
    Advanced,
    Completed,
    Done,
    Event,
    Failed,
    Finished,
    Noticed,
    Planned,
    Report,
    Started,
)
from modelgen.sizes import of_files

if TYPE_CHECKING:
    from collections.abc import Iterator

_EVERY = 10.0
_TELLING = 0.01
"""Fraction of the bytes after which the remaining time is estimated from the rate."""
_MINUTES = 300.0
"""Seconds from which on times are printed in minutes."""


@contextlib.contextmanager
def shown(format_: str) -> Iterator[Report]:
    """Yield the receiver of a fetch's events; several threads may call it."""
    if format_ == "json":
        yield _Events().report
    elif is_terminal(sys.stderr):
        from modelgen.cli.hub.progress_bars import bars

        with bars() as report:
            yield report
    else:
        yield _Lines().report


class _Events:
    """One JSON object per line on stdout; progress at most once per second."""

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
    """One line per repository and, during a long download, one every ten seconds."""

    def __init__(self) -> None:
        self._guard = threading.Lock()
        self._planned = Planned(0, 0, 0, 0)
        self._come = self._completed = 0
        self._begun: dict[str, float] = {}
        self._start = self._printed = time.monotonic()

    def report(self, event: Event) -> None:
        with self._guard:
            match event:
                case Planned():
                    self._planned, self._come = event, event.resumed
                    kept = f", {of_files(event.resumed)} of them from an earlier run" if event.resumed else ""
                    files = f"{event.files} file{'s' if event.files != 1 else ''}"
                    click.echo(f"{files}, {of_files(event.bytes)} to fetch{kept}", err=True)
                case Started():
                    self._begun.setdefault(event.repo, time.monotonic())
                case Advanced():
                    self._come += event.bytes
                    if time.monotonic() - self._printed >= _EVERY:
                        self._print_rate()
                case Completed():
                    self._print_completed(event)
                case Noticed():
                    click.echo(event.text, err=True)
                case Finished() | Failed() | Done():
                    pass  # printed at the end

    def _print_completed(self, event: Completed) -> None:
        self._completed += 1
        count = f"[{self._completed}/{self._planned.repositories}]"
        files = f"{event.files} file{'s' if event.files != 1 else ''}"
        seconds = time.monotonic() - self._begun.get(event.repo, self._start)
        click.echo(f"{count} {event.repo}: {files}, {of_files(event.bytes)}, {seconds:.1f} s", err=True)
        self._printed = time.monotonic()  # the next progress line can wait

    def _print_rate(self) -> None:
        now = time.monotonic()
        if self._come < self._planned.bytes:
            click.echo(_rate_line(self._come, self._planned.bytes, self._planned.resumed, now - self._start), err=True)
        self._printed = now


def _rate_line(come: int, total: int, resumed: int, seconds: float) -> str:
    """Return the progress of a fetch; the remaining time is estimated once a part has arrived."""
    fetched = max(come - resumed, 0)
    line = f"{come / 1e6:,.0f} of {total / 1e6:,.0f} MB, {fetched / seconds / 1e6:.1f} MB/s"
    if not fetched or fetched < _TELLING * (total - resumed) or come >= total:
        return line
    left = (total - come) / (fetched / seconds)
    return f"{line}, {left / 60:,.0f} min left" if left >= _MINUTES else f"{line}, {left:,.0f} s left"
