"""Follow the help of a finding as a reader does: change the file where the caret points, and nothing else.

The words of a help line decide: "did you mean `X`?" and "write `X`" replace what is marked, "write `KEY = VALUE`" sets
a key beside it (and replaces a marked key of another name), "add `KEY = VALUE`" keeps the marked key, "remove it" and
"remove `KEY`" delete. A table is named as in "write `KEY = VALUE` in `[table]`".
"""

from __future__ import annotations

import copy
import re
import tomllib
from typing import TYPE_CHECKING, Any

from toml_plain import dump

from modelgen.load.locator import Locator, Path
from modelgen.source import Source

if TYPE_CHECKING:
    from collections.abc import Iterator

    from modelgen.diagnostics import Diagnostic
    from modelgen.source import Span

_PLACEHOLDER = re.compile(r"…|\bNAME\b|\bID\b|namespace/name")
_STEP = re.compile(
    r"did you mean `(?P<meant>[^`]+)`\?"
    r"|\bremove (?:it\b|`(?P<removed>[^`]+)`)"
    r"|\bwrite `(?P<bare>[^`=]+)`(?! in )"
    r"|\b(?P<verb>add|write)\b[^`]*`(?P<pair>[^`]+=[^`]+)`"
    r"(?: in (?:`\[(?P<table>[\w.-]+)\]`|`(?P<below>(?:args|env|loras|compose)[\w.-]*)`"
    r"|(?P<model>the model's (?:own )?table)))?"
)
# A help that asks for two changes is not followed here.
_TWO = re.compile(r"` and ")


def follow(toml: str, found: Diagnostic) -> str | None:
    """Return the file after the first step of the help; None if the help leaves a choice to the reader."""
    if found.span.path != "models.toml" or found.code == "MG001" or (place := _place(toml, found.span)) is None:
        return None
    kind, path = place
    document = copy.deepcopy(tomllib.loads(toml))
    step = _STEP.search(found.help)
    if step is None or _PLACEHOLDER.search(step[0]) or _TWO.match(found.help, step.end() - 1):
        return None
    if (word := step["meant"] or step["bare"]) is not None:
        _replace(document, kind, path, word)
    elif step["pair"] is None:
        _remove(document, path, step["removed"])
    else:
        pairs = tomllib.loads(step["pair"])
        table = _table(document, kind, path, step)
        if kind == "key" and step["verb"] == "write" and (path[-1] not in pairs or table != path[:-1]):
            _at(document, path[:-1]).pop(path[-1])
        _merge(_at(document, table), pairs)
    return dump(document)


def _place(toml: str, span: Span) -> tuple[str, Path] | None:
    """Return what a span marks: the kind (key, value or header) and its path."""
    places = Locator(Source("models.toml", toml))
    is_header = toml.splitlines()[span.line - 1][span.column - 1] == "["
    for path in _paths(tomllib.loads(toml), ()):
        for kind in ("header",) if is_header and places.header(path) == span else ("key", "value"):
            if getattr(places, kind)(path) == span:
                return kind, path
    return None


def _paths(value: Any, path: Path) -> Iterator[Path]:  # noqa: ANN401 - whatever TOML holds
    if path:
        yield path
    if isinstance(value, dict | list):
        for key, item in value.items() if isinstance(value, dict) else enumerate(value):
            yield from _paths(item, (*path, key))


def _table(document: dict[str, Any], kind: str, path: Path, step: re.Match[str]) -> Path:
    """Return the table that a pair is written into: the one that is named, else the one around what is marked."""
    if step["table"] is not None:
        return tuple(step["table"].split("."))
    owner = path[:2] if path[0] == "models" else ("defaults",)
    if step["below"] is not None:
        return (*owner, *step["below"].split("."))
    if step["model"] is not None:
        return owner
    if kind == "header":
        return path
    while path and not isinstance(_at(document, path[:-1]), dict):
        path = path[:-1]
    return path[:-1]


def _at(document: Any, path: Path) -> Any:  # noqa: ANN401
    for part in path:
        document = document.setdefault(part, {}) if isinstance(document, dict) else document[part]
    return document


def _merge(table: dict[str, Any], pairs: dict[str, Any]) -> None:
    for key, value in pairs.items():
        if isinstance(value, dict) and isinstance(table.get(key), dict):
            _merge(table[key], value)
        else:
            table[key] = value


def _replace(document: dict[str, Any], kind: str, path: Path, word: str) -> None:
    around = _at(document, path[:-1])
    if kind == "value":
        try:
            around[path[-1]] = tomllib.loads(f"x = {word}")["x"]
        except tomllib.TOMLDecodeError:
            around[path[-1]] = word
    elif word.startswith("["):
        *outer, table = word.strip("[]").split(".")
        moved = around.pop(path[-1])
        _at(around, tuple(outer))[table] = moved.get(table, moved)
    else:
        around[word] = around.pop(path[-1])


def _remove(document: dict[str, Any], path: Path, removed: str | None) -> None:
    *table, key = (removed or "").strip("[]").split(".")
    for length in range(len(path), -1, -1):
        around = _at(document, path[:length])
        for part in table:
            around = around.get(part) if isinstance(around, dict) else None
        if removed is not None and isinstance(around, dict) and key in around:
            del around[key]
            return
    del _at(document, path[:-1])[path[-1]]
