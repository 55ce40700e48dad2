"""Totals by day, key, model and variant, in memory and in one small file.

The file has a line of JSON for each day, the newest last. It is replaced as a whole, so a kill leaves the old one or
the new one; what came after the last write is lost.
"""

from __future__ import annotations

import asyncio
import json
import logging
import os
import time
from datetime import date
from typing import TYPE_CHECKING, Any, NamedTuple

from modelgen_runtime.usage.journal import Sums

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from pathlib import Path

    from modelgen_runtime.usage.journal import Journal

DAYS = 400
"""Days that are kept."""
_FORMAT = 1
_NAME = "usage.jsonl"
_MOST_ROWS = 2000
"""Rows of a day. Further models and keys of that day are counted without their names."""
_EVERY = 30.0
_LOG = logging.getLogger(__name__)


class Name(NamedTuple):
    """The names of a row; None for requests without a key or a variant."""

    key: str | None
    model: str | None
    variant: str | None


class DamagedError(Exception):
    """The file is not one of totals."""


class Totals:
    """Totals of requests.

    Args:
        folder: The state directory.
        journal: Counts the requests.
        today: Returns the day, as the number since 1970-01-01.
    """

    def __init__(
        self, folder: Path, journal: Journal, today: Callable[[], int] = lambda: int(time.time() // 86_400)
    ) -> None:
        self._path, self._journal, self._today = folder / _NAME, journal, today
        self._taken: dict[tuple[str, int, str | None, str | None], list[int]] = {}
        """The sums of the journal that are in the rows."""
        self._past: dict[str, bytes] = {}
        """Lines of earlier days as they are in the file, since they do not change."""
        self._number = self._today()
        self._day, self._rows = _day(self._number), dict[Name, Sums]()
        self._is_changed = False
        self.fault: str | None = None
        """The reason for which the file cannot be written, as a sentence; None while it can."""
        self._load()

    def _take(self) -> None:
        """Add what the journal has counted since the last time to the rows of today."""
        if (today := self._today()) != self._number:
            self._turn(today)
        for cell, sums in self._journal.sums.items():
            before = self._taken.get(cell) or [0] * len(sums)
            if sums[0] == before[0]:
                continue
            model, _, key, variant = cell
            name = Name(key, model, variant)
            if name not in self._rows and len(self._rows) >= _MOST_ROWS:
                name = Name(None, None, None)
            new = (now - then for now, then in zip(sums, before, strict=True))
            self._rows[name] = self._rows.get(name, Sums()).plus(new)
            self._taken[cell] = [*sums]
            self._is_changed = True

    def rows(self, days: int) -> Iterator[tuple[str, Name, Sums]]:
        """Return day, name and sums of the last days, today included, the oldest first.

        The lines of earlier days are read by the iterator, which a thread may use: there may be a million rows.
        """
        self._take()
        since = _day(self._number - days + 1)
        lines = [(day, line) for day, line in self._past.items() if day >= since]
        return _rows(lines, self._day, [*self._rows.items()])

    async def keep(self) -> None:
        """Write the file every half minute if there is something new, until cancelled."""
        while True:
            await asyncio.sleep(_EVERY)
            await self.save()

    async def save(self) -> None:
        """Write the file. A full disk loses totals, and nothing else."""
        self._take()
        if self._is_changed:
            self._is_changed = False
            try:
                await asyncio.to_thread(self._write, self._content())
            except OSError as error:
                if self.fault is None:
                    _LOG.warning("%s cannot be written (%s): totals of usage will be lost", self._path, error.strerror)
                self.fault = f"{self._path} cannot be written ({error.strerror}), so totals of usage will be lost"
                self._is_changed = True
            else:
                self.fault = None

    def _content(self) -> bytes:
        return b"".join([*self._past.values(), self._line()])

    def _write(self, content: bytes) -> None:
        new = self._path.with_name(f"{_NAME}.new")
        with new.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        new.replace(self._path)

    def _line(self) -> bytes:
        rows = [[*name, *row] for name, row in self._rows.items()]
        return (json.dumps({"format": _FORMAT, "day": self._day, "rows": rows}, ensure_ascii=False) + "\n").encode()

    def _turn(self, today: int) -> None:
        """Begin another day. A clock that was set back continues the day that it left."""
        if self._rows:
            self._past[self._day] = self._line()
        oldest = _day(today - DAYS + 1)
        self._past = {day: line for day, line in sorted(self._past.items()) if day >= oldest}
        self._number, self._day, self._rows = today, _day(today), {}
        if (line := self._past.pop(self._day, None)) is not None:
            self._rows = dict(_read_line(line)[1])

    def _load(self) -> None:
        try:
            for line in self._path.read_bytes().splitlines(keepends=True):
                day, _ = _read_line(line)
                self._past[day] = line
        except FileNotFoundError:
            return
        except DamagedError:
            self._past = {}
            self._set_aside()
        except OSError as error:
            _LOG.warning("%s cannot be read (%s): totals of usage begin anew", self._path, error.strerror)
        self._turn(self._number)

    def _set_aside(self) -> None:
        aside = self._path.with_name(f"{_NAME}.damaged")
        try:
            self._path.replace(aside)
        except OSError as error:
            _LOG.warning("%s is damaged and cannot be renamed (%s)", self._path, error.strerror)
        else:
            _LOG.warning("%s is damaged: it is %s now, and totals of usage begin anew", self._path, aside.name)


def _rows(
    lines: Iterable[tuple[str, bytes]], today: str, rows: Iterable[tuple[Name, Sums]]
) -> Iterator[tuple[str, Name, Sums]]:
    for day, line in lines:
        yield from ((day, name, sums) for name, sums in _read_line(line)[1])
    yield from ((today, name, sums) for name, sums in rows)


def _read_line(line: bytes) -> tuple[str, list[tuple[Name, Sums]]]:
    """Return the day and the rows of a line.

    Raises:
        DamagedError: It is not one of this format.
    """
    try:
        table: Any = json.loads(line)
        if table["format"] != _FORMAT:
            raise DamagedError
        day = date.fromisoformat(table["day"]).isoformat()
        rows = []
        for key, model, variant, *sums in table["rows"]:
            if not all(isinstance(one, str | None) for one in (key, model, variant)):
                raise DamagedError
            if not all(type(one) is int and one >= 0 for one in sums):
                raise DamagedError
            rows.append((Name(key, model, variant), Sums(*sums)))
    except (ValueError, TypeError, KeyError, RecursionError) as error:
        raise DamagedError from error
    return day, rows


def _day(number: int) -> str:
    """Return a day such as 2026-11-30; one before the calendar is its first."""
    return date.fromordinal(max(1, date(1970, 1, 1).toordinal() + number)).isoformat()
