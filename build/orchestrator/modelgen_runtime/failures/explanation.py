"""Explain exits and errors of engines, with the keys of models.toml that fix them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

from modelgen_runtime.failures.known import (
    ANSWERS,
    CAUSES,
    CONSEQUENCES,
    EXITS,
    NOT_OWN_LIMIT,
    OWN_LIMIT,
    ExitRow,
    Saying,
)
from modelgen_runtime.failures.known.flags import translate_key, translate_remedy

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from modelgen_runtime.failures.root_cause import Cause

_LINES, _CHARACTERS = 400, 2_000  # of a log that an engine fills as it likes


@dataclass(frozen=True, slots=True)
class Meaning:
    """The explanation of a known failure.

    Args:
        name: Identifier.
        text: What happened.
        remedy: What to change, usually in models.toml.
        line: The line of output, or the exit.
        source: Reference for the explanation.
        keys: Keys of the model's table that fix it, such as `args.max-model-len`.
        value: The value to write at the first key, if the line names it.
    """

    name: str
    text: str
    remedy: str
    line: str
    source: str
    keys: tuple[str, ...] = ()
    value: int | None = None


def explain_failure(
    engine: str, exit_code: int | None, cause: Cause, message: str = "", *, hit_limit: bool | None = None
) -> Meaning | None:
    """Return the explanation of an engine's exit, or None if it is unknown.

    What it said as the cause weighs most, then the kernel's word that its memory limit was reached, then what else it
    said, then how it ended, then what other processes said of its end, and last what it answered. Of several sayings
    the most specific wins: that which stands first in the table, which is ordered so, and of it the last line.

    Args:
        engine: Name of the engine. The sayings of all engines count for `command`, which may run any of them.
        exit_code: Exit code; negative, or 128 and more, for a signal; None if unknown.
        cause: The cause found in its output since the last start.
        message: Message of the driver, which may quote Docker.
        hit_limit: Whether the memory limit of its container was reached, according to Docker; None if unknown.
    """
    if found := _search(engine, CAUSES, [*cause.said, message]):
        return found
    how = f"exit code {exit_code}"
    if hit_limit:
        return _of_exit(OWN_LIMIT, how, engine)
    if found := _search(engine, CAUSES, cause.rest):
        return found
    rows = (NOT_OWN_LIMIT, *EXITS) if hit_limit is False else EXITS
    if (row := next((row for row in rows if exit_code in row.codes), None)) is not None:
        return _of_exit(row, how, engine)
    if not cause.is_raised and (found := _search(engine, CONSEQUENCES, [*cause.said, *cause.noticed])):
        return found
    return _search(engine, ANSWERS, [message])  # which may quote what it answered


def explain_answer(engine: str, body: str) -> Meaning | None:
    """Return the explanation of an error that a ready engine returned."""
    return _search(engine, ANSWERS, [body])


def _search(engine: str, sayings: Iterable[Saying], lines: Sequence[str]) -> Meaning | None:
    recent = [line[:_CHARACTERS] for line in lines[-_LINES:]]
    for saying in sayings:
        if saying.engine is None or engine in {saying.engine, "command"}:
            for line in reversed(recent):
                if (match := _compile(saying.pattern).search(line)) is not None:
                    remedy, keys = _remedy(saying, match, engine), _keys(saying, match, engine)
                    value = match.groupdict().get("value")
                    number = int(value) if value else None
                    return Meaning(saying.name, saying.meaning, remedy, line, saying.source, keys, number)
    return None


def _remedy(saying: Saying, match: re.Match[str], engine: str) -> str:
    """Return the remedy with the engine's names of flags and the numbers in the line."""
    remedy = saying.remedy
    if saying.numbered is not None and None not in match.groupdict().values():
        remedy = saying.numbered
        for name, digits in match.groupdict().items():
            remedy = remedy.replace(f"{{{name}}}", digits)
    return translate_remedy(remedy, engine, saying.keys, is_shared=saying.engine is None)


def _keys(saying: Saying, match: re.Match[str], engine: str) -> tuple[str, ...]:
    """Return the keys with the engine's names; `args` becomes the flag in the line."""
    flag = match.groupdict().get("flag")
    named = (f"args.{flag}" if flag and key == "args" else key for key in saying.keys)
    return tuple(translate_key(key, engine, is_shared=saying.engine is None) for key in named)


def _of_exit(row: ExitRow, how: str, engine: str) -> Meaning:
    more, keys = (row.more[1], (row.more[2],)) if row.more is not None and row.more[0] == engine else ("", ())
    return Meaning(row.name, row.meaning, row.remedy + more, how, row.source, row.keys + keys)


@cache
def _compile(pattern: str) -> re.Pattern[str]:
    return re.compile(pattern)
