"""Add tables to the bytes of a models.toml, and remove a model from them; all else stays byte for byte."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from typing import TYPE_CHECKING

import tomlkit
from tomlkit.items import Array

from modelgen.files import InputError
from modelgen.load.locator import Locator
from modelgen.load.text import decode
from modelgen.source import Source, offset_of

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable
    from typing import Any

    from modelgen.load.locator import Path


def append(data: bytes, tables: str) -> bytes:
    """Return the file with tables at its end, one blank line before them, with its own line ends.

    Raises:
        InputError: The file is written so that a table cannot follow.
    """
    text = decode(data)
    end = "\r\n" if text and text.count("\n") == text.count("\r\n") > 0 else "\n"
    before = "" if not text or text.endswith(end * 2) else end if text.endswith(end) else end * 2
    new = data + (before + tables.replace("\n", end)).encode()
    if _parsed(new) != _merged(tomllib.loads(text), tomllib.loads(tables)):
        raise InputError("models.toml is written in a way that no table can follow; add the table by hand")
    return new


@dataclass(frozen=True)
class Removal:
    """A models.toml without a model.

    Args:
        data: The new bytes.
        shortened: The profiles that had the model and still have others.
        removed: The profiles that had no other model, which are removed.
    """

    data: bytes
    shortened: tuple[str, ...]
    removed: tuple[str, ...]


def without_model(data: bytes, name: str) -> Removal:
    """Return the file without the tables of a model, the comments attached to them, and its mentions in profiles.

    Raises:
        InputError: The model is written in a way that cannot be removed without changing something else.
    """
    source = Source("models.toml", decode(data))
    tables = tomllib.loads(source.text)
    profiles = {
        profile: [model for model in table["models"] if model != name]
        for profile, table in tables.get("profiles", {}).items()
        if name in table.get("models", ())
    }
    removed = tuple(profile for profile, others in profiles.items() if not others)
    shortened = tuple(profile for profile, others in profiles.items() if others)
    text = _shortened(source, shortened, name)
    text = _cut(Source(source.path, text), {("models", name), *(("profiles", profile) for profile in removed)})
    del tables["models"][name]
    for profile, others in profiles.items():
        if others:
            tables["profiles"][profile]["models"] = others
        else:
            del tables["profiles"][profile]
    new = data[: len(data) - len(source.text.encode())] + text.encode()
    if _parsed(new) != {key: value for key, value in tables.items() if value or key not in ("models", "profiles")}:
        raise InputError(f"`{name}` is written in a way that cannot be removed alone; remove its table by hand")
    return Removal(new, shortened, removed)


def _shortened(source: Source, profiles: Iterable[str], name: str) -> str:
    """Return the text with lists of models without one; comments in a list stay with their items."""
    text, places = source.text, Locator(source)
    spans = [places.value(("profiles", profile, "models")) for profile in profiles]
    for span in sorted(spans, reverse=True):
        start, stop = offset_of(text, span.line, span.column), offset_of(text, span.end_line, span.end_column)
        document = tomlkit.parse(f"x = {text[start:stop]}")
        models = document["x"]
        assert isinstance(models, Array), "the profile has the model in a list"  # noqa: S101 - as tomllib read it
        while name in models:
            models.remove(name)
        text = text[:start] + document.as_string().removeprefix("x = ") + text[stop:]
    return text


def _cut(source: Source, paths: Collection[Path]) -> str:
    """Return the text without some tables, the tables below them, and their comments."""
    lines, blocks = source.text.split("\n"), Locator(source).blocks
    for path, first, last in sorted(blocks, key=lambda block: -block[1]):
        if path[:2] not in paths:
            continue
        floor = max((end for _, _, end in blocks if end < first), default=0)
        start, stop = first - 1, last
        while start > floor and lines[start - 1].startswith("#"):
            start -= 1
        below = stop
        while below < len(lines) and lines[below].startswith("#"):
            below += 1
        # A comment right above the next table belongs to that.
        if below == len(lines) or not lines[below].strip():
            stop = below
        is_last = not "".join(lines[stop:]).strip()
        while is_last and start and not lines[start - 1].strip():
            start -= 1
        is_apart = start == 0 or not lines[start - 1].strip()
        while is_apart and stop < len(lines) and not lines[stop].strip():
            stop += 1
        lines[start:] = [""] if is_last else lines[stop:]
    return "\n".join(lines)


def _parsed(data: bytes) -> dict[str, Any] | None:
    try:
        return tomllib.loads(decode(data))
    except tomllib.TOMLDecodeError:
        return None


def _merged(first: dict[str, Any], second: dict[str, Any]) -> dict[str, Any]:
    """Return both tables; of a key in both, which are tables too, the tables in both."""
    return {
        **first,
        **{
            key: _merged(first[key], value) if isinstance(first.get(key), dict) and isinstance(value, dict) else value
            for key, value in second.items()
        },
    }
