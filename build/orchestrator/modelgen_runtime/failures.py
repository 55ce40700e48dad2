"""What the last words of an engine mean, and which line of models.toml mends it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

from modelgen_runtime.known_failures import EXITS, SAYINGS, Saying

if TYPE_CHECKING:
    from collections.abc import Sequence

_LINES, _CHARACTERS = 400, 2_000  # of a log that an engine fills as it likes


@dataclass(frozen=True, slots=True)
class Meaning:
    """What a failure that is known means.

    Args:
        name: A word for programs.
        text: What has happened, for people.
        remedy: What to change, most often in models.toml.
        line: What the engine said, or how it ended.
        source: Where this is known from.
        keys: Which keys mend it, as `sources.places_of` takes them.
    """

    name: str
    text: str
    remedy: str
    line: str
    source: str
    keys: tuple[str, ...] = ()


def explain_failure(engine: str, exit_code: int | None, lines: Sequence[str]) -> Meaning | None:
    """Return what an engine's end means, or None if nobody knows.

    Of several sayings the most specific wins: that which stands first in the table, which is ordered so, and of it the
    last line. What was said weighs more than how the process ended.

    Args:
        engine: Name of the engine. The sayings of all engines count for `command`, which may run any of them.
        exit_code: Negative, or 128 and more, for a signal; None where it is not known.
        lines: The last ones that it printed since it was last started.
    """
    recent = [line[:_CHARACTERS] for line in lines[-_LINES:]]
    for saying in SAYINGS:
        if saying.engine is None or engine in {saying.engine, "command"}:
            for line in reversed(recent):
                if _compile(saying).search(line):
                    return Meaning(saying.name, saying.meaning, saying.remedy, line, saying.source, saying.keys)
    for row in EXITS:
        if exit_code in row.codes:
            return Meaning(row.name, row.meaning, row.remedy, f"exit code {exit_code}", row.source)
    return None


@cache
def _compile(saying: Saying) -> re.Pattern[str]:
    return re.compile(saying.pattern)
