"""What a row of the table of known failures is."""

from __future__ import annotations

from dataclasses import dataclass

TESTED = "seen when run: vLLM 0.11.0 and 0.32.0 on a CPU"


@dataclass(frozen=True, slots=True)
class Saying:
    """What an engine says, and what it means.

    Args:
        name: A word for programs.
        engine: Whose saying it is; None where it comes from a library that many have.
        pattern: Regular expression, searched for in a line.
        meaning: For people.
        remedy: What to change.
        source: Where the saying is known from.
        keys: What mends it: keys of the model's table in models.toml, such as `args.max-model-len`. Where a group
            `(?P<flag>…)` of the pattern has matched, `args` becomes the key of that flag.
        numbered: The remedy where every group `(?P<NAME>…)` of the pattern has matched digits; they replace `{NAME}`.
    """

    name: str
    engine: str | None
    pattern: str
    meaning: str
    remedy: str
    source: str
    keys: tuple[str, ...] = ()
    numbered: str | None = None


@dataclass(frozen=True, slots=True)
class ExitRow:
    """How an engine ends, and what it means, where it said nothing that is known.

    Args:
        name: A word for programs.
        codes: Exit codes; negative, or 128 and more, for signals.
        meaning: For people.
        remedy: What to change.
        source: Where it is known from.
        keys: As of a saying.
    """

    name: str
    codes: frozenset[int]
    meaning: str
    remedy: str
    source: str
    keys: tuple[str, ...] = ()
