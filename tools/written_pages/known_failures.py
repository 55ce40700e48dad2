"""Read the known failures: what the orchestrator knows of them, with the lines and rules of docs/failures.toml."""

from __future__ import annotations

import re
import tomllib
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from modelgen_runtime.failures.known import (
    ExitRow,
    Saying,
    adapters,
    answers,
    arguments,
    cards,
    consequences,
    docker,
    exits,
    memory,
    models,
    system,
    weights,
)
from modelgen_runtime.failures.known.flags import translate_remedy
from modelgen_runtime.failures.log_records import read_records

if TYPE_CHECKING:
    from collections.abc import Iterator

TABLE = Path(__file__).parents[2] / "docs" / "failures.toml"
SUBJECTS: dict[str, tuple[Saying | ExitRow, ...]] = {
    "Docker and the container toolkit": docker.SAYINGS,
    "GPUs and drivers": cards.SAYINGS,
    "Memory": memory.SAYINGS,
    "Files of the model": weights.SAYINGS,
    "Models that the engine does not support": models.SAYINGS,
    "Flags and variables": arguments.SAYINGS,
    "LoRA adapters": adapters.SAYINGS,
    "The host and the container": system.SAYINGS,
    "Processes that end without a message": (*consequences.SAYINGS, exits.OWN_LIMIT, *exits.EXITS),
    "Requests that a loaded model refuses": answers.SAYINGS,
}
"""The rows of the table, by the subjects of its modules."""
_LONGEST_TITLE = 150
_SENTENCE_END = re.compile(r"(?<!e\.g)[.?!] ")


@dataclass(frozen=True)
class Case:
    """A meaning of a failure, and lines that have it.

    Args:
        row: The row of the table that explains these lines.
        lines: The lines as they were printed, each with the name of the engine.
    """

    row: Saying | ExitRow
    lines: tuple[tuple[str, str], ...]

    @property
    def remedy(self) -> str:
        """What to change, with the names of flags of the engine that printed the first line."""
        is_shared = isinstance(self.row, Saying) and self.row.engine is None
        return translate_remedy(self.row.remedy, self.lines[0][0], self.row.keys, is_shared=is_shared)


@dataclass(frozen=True)
class KnownFailure:
    """A failure with a page of its own.

    Args:
        name: Its name, and that of its page.
        subject: What it is about.
        cases: Its meanings, the first one first.
        rules: Names of the rules by which modelgen prevents it.
    """

    name: str
    subject: str
    cases: tuple[Case, ...]
    rules: tuple[str, ...]

    @property
    def title(self) -> str:
        """The line that people search for."""
        return title(self.cases[0].lines[0][1], self.cases[0].row)


@cache
def table() -> dict[str, dict[str, Any]]:
    """Return docs/failures.toml."""
    return tomllib.loads(TABLE.read_text(encoding="utf-8"))


@cache
def known_failures() -> tuple[KnownFailure, ...]:
    """Return all known failures by subject, which is that of the first line."""
    subjects = {id(row): subject for subject, rows in SUBJECTS.items() for row in rows}
    names = dict.fromkeys(row.name for rows in SUBJECTS.values() for row in rows)
    found = []
    for name in names:
        cases = tuple(_cases(name))
        rules = tuple(table()[name].get("prevented_by", ()))
        found.append(KnownFailure(name, subjects[id(cases[0].row)], cases, rules))
    return tuple(found)


def _cases(name: str) -> Iterator[Case]:
    rows = [row for rows in SUBJECTS.values() for row in rows if row.name == name]
    lines: dict[str, list[tuple[str, str]]] = {}
    by_meaning: dict[str, Saying | ExitRow] = {}
    for engine, line in table()[name]["lines"]:
        row = next((row for row in rows if explains(row, engine, line)), rows[0])
        key = f"{row.meaning}\n{row.remedy}"
        by_meaning.setdefault(key, row)
        lines.setdefault(key, []).append((engine, line))
    return (Case(row, tuple(lines[key])) for key, row in by_meaning.items())


def explains(row: Saying | ExitRow, engine: str, line: str) -> bool:
    """Return whether a row explains a line of an engine; an exit is named by its code, as in `Exited (137)`."""
    if isinstance(row, ExitRow):
        return any(f"({code})" in line for code in row.codes)
    return row.engine in {None, engine} and re.search(row.pattern, line) is not None


def title(line: str, row: Saying | ExitRow) -> str:
    """Return what people search for: the line without the prefix of the log; of a long one, the part that counts."""
    [record] = read_records([line])
    text = record.text.strip()
    if len(text) <= _LONGEST_TITLE or isinstance(row, ExitRow):
        return text
    match = re.search(row.pattern, text)
    assert match is not None, line  # noqa: S101 - a test compares lines and patterns
    begin = max((end.end() for end in _SENTENCE_END.finditer(text[: match.start()])), default=0)
    end = _SENTENCE_END.search(text, match.end())
    text = text[begin : end.start() if end else None]
    found = re.search(row.pattern, text)
    before = text[: found.start()] if found else ""
    while len(text) > _LONGEST_TITLE and ": " in before:
        before = before.partition(": ")[2]
        text = text.partition(": ")[2]
    return text
