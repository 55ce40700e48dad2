"""The rows of the table of known failures."""

from __future__ import annotations

from dataclasses import dataclass

TESTED = "seen when run: vLLM 0.11.0 and 0.32.0 on a CPU"


@dataclass(frozen=True, slots=True)
class Saying:
    """A message of an engine, with its meaning.

    Args:
        name: An identifier for programs.
        engine: The engine that prints it; None if it comes from a library that several engines use.
        pattern: Regular expression, searched for in a line.
        meaning: For people.
        remedy: What to change.
        source: The source of the message.
        keys: The keys that fix it: keys of the model's table in models.toml, such as `args.max-model-len`. If a group
            `(?P<flag>…)` of the pattern matches, `args` becomes the key of that flag. The digits of a group
            `(?P<value>…)` are the value to write at the first key.
        numbered: The remedy if every group `(?P<NAME>…)` of the pattern matches digits, which replace `{NAME}`.
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
    """An exit code and its meaning, if no known message was printed.

    Args:
        name: An identifier for programs.
        codes: Exit codes; negative, or 128 and more, for signals.
        meaning: For people.
        remedy: What to change.
        source: The source of the fact.
        keys: See `Saying`.
        more: What else helps on one engine: its name, the end of the remedy, and the key.
    """

    name: str
    codes: frozenset[int]
    meaning: str
    remedy: str
    source: str
    keys: tuple[str, ...] = ()
    more: tuple[str, str, str] | None = None
