"""Handle flags of engines without a catalogue: as the user writes them, under their long names."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from modelgen.engines.flag_values import text_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from modelgen.engines.engine import Engine


def long_name(engine: Engine, key: str) -> str:
    """Return the flag that a key means: with hyphens, and whole where the key is a short one."""
    name = key.replace("_", "-")
    return (engine.short_flags or {}).get(name, name)


def misfit(engine: Engine, value: Any) -> tuple[str, str] | None:  # noqa: ANN401 - whatever TOML holds
    """Return what a value must be, to be read after "must be", and a way out; None for one that can be written."""
    if value is False:
        return "true, or left out", "leave it out; what the engine calls the contrary is a flag of its own"
    if isinstance(value, dict):
        return "a value, not a table", "write the text that the engine takes"
    if isinstance(value, list) and not engine.repeats_flags:
        return "one value, not a list", f"{engine.title} heeds only the last of a flag: write one text, with commas"
    if isinstance(value, list) and (not value or any(isinstance(item, bool | dict | list) for item in value)):
        return "a list of texts or numbers, with one at least", "the flag is written once for each of them"
    return None


def format_flags(args: Mapping[str, Any], *, joined: bool) -> Iterator[str]:
    """Yield the arguments: true is the flag alone, a list is the flag once for each of its values.

    Args:
        args: By long name; each value fits (`misfit`).
        joined: Whether the parser takes a value that begins with a hyphen for a flag, unless it is joined by `=`.
    """
    for name, value in args.items():
        if value is True:
            yield f"--{name}"
            continue
        for item in value if isinstance(value, list) else [value]:
            text = text_of(item)
            yield from [f"--{name}={text}"] if joined and text.startswith("-") else [f"--{name}", text]
