"""Totals of usage: kept over restarts, days and full disks, and bounded."""

from __future__ import annotations

import asyncio
import errno
import json
import logging
import os
from typing import TYPE_CHECKING

import pytest

from modelgen_runtime.usage import journal as journal_module
from modelgen_runtime.usage.journal import LAST, Journal, Sums
from modelgen_runtime.usage.record import Outcome, Record, Tokens
from modelgen_runtime.usage.totals import DAYS, Name, Totals

if TYPE_CHECKING:
    from pathlib import Path

DAY = 20_787  # 2026-11-30
COUNTED = Tokens(3, 1, 2)


def record(key: str | None = "alice", model: str = "a", variant: str | None = None, tokens: Tokens = COUNTED) -> Record:
    made = Record(model, variant, "/v1/chat/completions", key, 0.0, lambda: None)
    made.tokens, made.outcome, made.status = tokens, Outcome.DONE, 200
    return made


class Clock:
    def __init__(self) -> None:
        self.day = DAY

    def __call__(self) -> int:
        return self.day


def save(totals: Totals) -> None:
    asyncio.run(totals.save())


class Noted(Totals):
    """Totals that count at once what is noted."""

    def __init__(self, folder: Path, clock: Clock) -> None:
        self.journal = Journal()
        super().__init__(folder, self.journal, clock)

    def note(self, *records: Record) -> None:
        for one in records:
            self.journal.begin(one)
            self.journal.end(one, 1.0)
        assert [*self.rows(1)]


def test_totals_survive_a_restart(tmp_path: Path) -> None:
    clock = Clock()
    totals = Noted(tmp_path, clock)
    totals.note(record())
    totals.note(record(tokens=Tokens()))
    save(totals)
    totals = Noted(tmp_path, clock)
    totals.note(record(variant="a:fast"))
    clock.day += 1
    totals.note(record())
    save(totals)
    again = [*Noted(tmp_path, clock).rows(DAYS)]
    assert again == [*totals.rows(DAYS)] == [
        ("2026-11-30", Name("alice", "a", None), Sums(2, 1, 3, 1, 2)),
        ("2026-11-30", Name("alice", "a", "a:fast"), Sums(1, 0, 3, 1, 2)),
        ("2026-12-01", Name("alice", "a", None), Sums(1, 0, 3, 1, 2)),
    ]  # fmt: skip
    assert [day for day, *_ in totals.rows(1)] == ["2026-12-01"]


def test_old_days_and_clocks_that_go_back(tmp_path: Path) -> None:
    clock = Clock()
    totals = Noted(tmp_path, clock)
    for day in (DAY, DAY + 1, DAY, DAY + DAYS):
        clock.day = day
        totals.note(record())
    assert [(day, sums.requests) for day, _, sums in totals.rows(10**5)] == [("2026-12-01", 1), ("2028-01-04", 1)]
    clock.day = -(10**7)
    totals.note(record())
    assert [*totals.rows(1)]


def test_a_full_disk_loses_totals_only(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    totals = Noted(tmp_path, Clock())

    def fail(_: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    totals.note(record())
    with monkeypatch.context() as patched:
        patched.setattr(os, "fsync", fail)
        save(totals)
        assert "No space left" in str(totals.fault)
    save(totals)
    assert totals.fault is None
    assert len([*Noted(tmp_path, Clock()).rows(1)]) == 1


def test_a_write_that_does_not_end_leaves_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As after a kill: the new file is half there, beside the old one."""
    totals = Noted(tmp_path, Clock())
    totals.note(record())
    save(totals)
    before = (tmp_path / "usage.jsonl").read_bytes()
    monkeypatch.setattr(os, "fsync", lambda _: (_ for _ in ()).throw(KeyboardInterrupt))
    totals.note(record())
    with pytest.raises(KeyboardInterrupt):
        save(totals)
    assert (tmp_path / "usage.jsonl").read_bytes() == before
    monkeypatch.undo()
    (tmp_path / "usage.jsonl.new").write_bytes(b'{"format": 1, "da')
    again = Noted(tmp_path, Clock())
    assert [sums.requests for _, _, sums in again.rows(1)] == [1]
    again.note(record())
    save(again)
    assert [sums.requests for _, _, sums in Noted(tmp_path, Clock()).rows(1)] == [2]


ROWS = ("[[1]]", '[["a","b",null,-1]]', "7", '[["a","b"]]', '[["a","b",null,1,2,3,4,5,6,7,8]]')


@pytest.mark.parametrize(
    "text",
    [
        *("x", "{}", "[]", "[" * 100_000, "\0" * 50),
        *('{"format": 2, "day": "2026-11-30", "rows": []}', '{"format": 1, "day": "x", "rows": []}'),
        *(f'{{"format": 1, "day": "2026-11-30", "rows": {rows}}}' for rows in ROWS),
    ],
)
def test_a_damaged_file_is_set_aside(tmp_path: Path, caplog: pytest.LogCaptureFixture, text: str) -> None:
    (tmp_path / "usage.jsonl").write_text(text)
    with caplog.at_level(logging.WARNING):
        totals = Noted(tmp_path, Clock())
    assert [one.message.partition(" is damaged")[0] for one in caplog.records] == [str(tmp_path / "usage.jsonl")]
    assert (tmp_path / "usage.jsonl.damaged").read_text() == text
    totals.note(record())
    save(totals)
    assert json.loads((tmp_path / "usage.jsonl").read_text())["rows"] == [["alice", "a", None, 1, 0, 3, 1, 2, 0, 0]]


def test_many_names_are_bounded(tmp_path: Path) -> None:
    totals = Noted(tmp_path, Clock())
    totals.note(*(record(key=f"key-{number}") for number in range(3000)))
    rows = [*totals.rows(1)]
    assert len(rows) == 2001
    assert rows[-1][1:] == (Name(None, None, None), Sums(1000, 0, 3000, 1000, 2000))


def test_the_journal_keeps_the_last_requests() -> None:
    journal = Journal()
    requests = [record(key=f"key-{number}") for number in range(LAST + 5)]
    for one in requests:
        journal.begin(one)
        journal.end(one, 1.0)
        journal.end(one, 1.0)
    assert len(journal.ended) == LAST
    assert not journal.running
    assert journal.find(1) is None
    assert journal.find(LAST + 5) is requests[-1]
    assert sum(sums[0] for sums in journal.sums.values()) == LAST + 5


def test_sums_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(journal_module, "_MOST_CELLS", 3)
    journal = Journal()
    for number in range(9):
        journal.begin(one := record(key=f"key-{number}"))
        journal.end(one, 1.0)
    assert [*journal.sums] == [*(("a", 200, f"key-{number}", None) for number in range(3)), ("a", 200, None, None)]
