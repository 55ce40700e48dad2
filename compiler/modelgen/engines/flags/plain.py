"""Handle flags of engines that get them as they are written, under their long names."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from modelgen.engines.flags import text_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping


def long_name(key: str, short_flags: Mapping[str, str]) -> str:
    """Return the long name of the flag that a key names, with hyphens.

    Forks such as ik_llama.cpp have flags of several letters with one dash (`-amb`), so a key that begins with a dash
    keeps its spelling.

    Args:
        key: As written in `args`.
        short_flags: Short name → long name (`Engine.short_flags`).
    """
    if key.startswith("-"):
        return key
    name = key.replace("_", "-")
    return short_flags.get(name, name)


def unwritable(value: Any, title: str, *, repeats: bool) -> tuple[str, str] | None:  # noqa: ANN401 - any TOML value
    """Return why a value cannot be written as a flag: the text after "must be", and the remedy. None if it can.

    Args:
        value: As written in `args`.
        title: The engine's name in prose.
        repeats: Whether the engine reads a flag several times (`Engine.repeats_flags`).
    """
    if value is False:
        return "true, or left out", "leave it out; to turn a feature off, write the engine's own flag for that"
    if isinstance(value, dict):
        return "a value, not a table", "write the text that the engine accepts"
    if isinstance(value, list) and not repeats:
        return (
            "one value, not a list",
            f"{title} uses only the last of repeated flags: write one text, with commas",
        )
    if isinstance(value, list) and (not value or any(isinstance(item, bool | dict | list) for item in value)):
        return "a list of at least one text or number", "the flag is written once for each of them"
    return None


def format_flags(args: Mapping[str, Any], *, joined: bool) -> Iterator[str]:
    """Yield the arguments. True is the flag alone; a list is the flag once for each value.

    Args:
        args: Values by `long_name`; each can be written (`unwritable`).
        joined: Whether the parser mistakes a value that begins with a hyphen for a flag unless `=` joins it.
    """
    for name, value in args.items():
        flag = name if name.startswith("-") else f"--{name}"
        if value is True:
            yield flag
            continue
        for item in value if isinstance(value, list) else [value]:
            text = text_of(item)
            yield from [f"{flag}={text}"] if joined and text.startswith("-") else [flag, text]
