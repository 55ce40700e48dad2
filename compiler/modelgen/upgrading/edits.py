"""Define the edits of a models.toml, and apply them to its text: comments, order and layout of the rest stay."""

from __future__ import annotations

import re
import tomllib
from textwrap import wrap
from typing import TYPE_CHECKING, Any, NamedTuple

import tomlkit
from tomlkit.items import InlineTable, Item

from modelgen.files import InputError
from modelgen.load.locator import Locator
from modelgen.load.text import decode
from modelgen.source import Source, offset_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from modelgen.load.locator import Path
    from modelgen.source import Span

_WIDTH = 110
_BARE = re.compile(r"[A-Za-z0-9_-]+")


class Replace(NamedTuple):
    """The entry at `path` becomes these entries of the same table; none removes it.

    Args:
        path: The entry.
        entries: What has its place.
        comment: A comment above its line. Its table stays, although it may be empty then.
    """

    path: Path
    entries: Mapping[str, Any]
    comment: str = ""


class Add(NamedTuple):
    """These entries are added to the table at `path`, which is made if it is missing.

    An entry that is there stays as it is. If both are tables, what is missing in it is added.
    """

    path: Path
    entries: Mapping[str, Any]


def apply(data: bytes, edits: Iterable[Replace | Add]) -> bytes:
    """Return the file with edits, with its own line ends.

    Raises:
        InputError: The file is written in a way that they cannot be applied to without changing something else.
    """
    text = decode(data)
    bom = data[: len(data) - len(text.encode())]
    expected = tomllib.loads(text)
    edits = [*edits]
    replaced, structural = _split(edits, expected)
    text = _replaced(_commented(text, [edit for edit in edits if isinstance(edit, Replace)]), replaced)
    if structural:
        text = _structured(text, structural)
    for edit in (*replaced, *structural):
        _apply_to(expected, edit)
    try:
        is_right = tomllib.loads(text) == expected
    except tomllib.TOMLDecodeError:
        is_right = False
    if not is_right:
        raise InputError("models.toml is written in a way that cannot be changed in place; make these changes by hand")
    return bom + text.encode()


def _split(edits: list[Replace | Add], tables: dict[str, Any]) -> tuple[list[Replace], list[Replace | Add]]:
    """Return the entries that become one other entry, which are changed where they are, and all other edits."""
    replaced: list[Replace] = []
    structural: list[Replace | Add] = []
    for edit in edits:
        if isinstance(edit, Add) or not edit.entries:
            structural.append(edit)
            continue
        (name, value), *more = edit.entries.items()
        table = edit.path[:-1]
        taken = {*_at(tables, table), *(one for other in replaced if other.path[:-1] == table for one in other.entries)}
        if name != edit.path[-1] and name in taken:
            structural += [edit._replace(entries={}), Add(table, edit.entries)]
            continue
        replaced.append(Replace(edit.path, {name: value}))
        structural += [Add(table, dict(more))] if more else []
    return replaced, structural


def _commented(text: str, edits: Iterable[Replace]) -> str:
    """Return the text with comments above the lines of some entries, each once."""
    places, lines = Locator(Source("models.toml", text)), text.splitlines(keepends=True)
    comments = {(places.key(edit.path).line, edit.comment) for edit in edits if edit.comment}
    for line, comment in sorted(comments, reverse=True):
        at = line - 1
        indent = lines[at][: len(lines[at]) - len(lines[at].lstrip(" \t"))]
        end = "\r\n" if lines[at].endswith("\r\n") else "\n"
        lines.insert(at, "".join(f"{indent}# {one}{end}" for one in wrap(comment, _WIDTH, break_on_hyphens=False)))
    return "".join(lines)


def _replaced(text: str, edits: Iterable[Replace]) -> str:
    """Return the text with other keys and values in the places of some."""
    places, spans = Locator(Source("models.toml", text)), list[tuple["Span", str]]()
    for edit in edits:
        [(name, value)] = edit.entries.items()
        spans.append((places.value(edit.path), toml(value)))
        if name != edit.path[-1]:
            spans.append((places.key(edit.path), _key(name)))
    for span, written in sorted(spans, key=lambda item: (item[0].line, item[0].column), reverse=True):
        start = offset_of(text, span.line, span.column)
        text = text[:start] + written + text[offset_of(text, span.end_line, span.end_column) :]
    return text


def _structured(text: str, edits: Iterable[Replace | Add]) -> str:
    """Return the text with entries removed and added."""
    document = tomlkit.parse(text)
    for edit in edits:
        path = edit.path if isinstance(edit, Add) else edit.path[:-1]
        near = [path[:length] for length in range(1, len(path) + 1)]
        near += [(*path, name) for name in edit.entries] if isinstance(edit, Add) else []
        inline = next((one for one in near if isinstance(_found(document, one), InlineTable)), None)
        _apply_to(document, edit, make=_inline)
        if inline and isinstance(table := _found(document, inline), InlineTable):
            _at(document, inline[:-1])[inline[-1]] = tomlkit.parse(f"x = {_tidy(table)}\n")["x"]
    return tomlkit.dumps(document)


def _tidy(item: Item) -> str:
    """Return the text of a value, with one blank between the parts of its tables: tomlkit leaves those of others."""
    if not isinstance(item, InlineTable):
        return item.as_string().strip()
    entries = [f"{key.as_string().strip()} = {_tidy(one)}" for key, one in item.value.body if key is not None]
    return f"{{ {', '.join(entries)} }}" if entries else "{}"


def _apply_to(tables: Any, edit: Replace | Add, make: Any = dict) -> None:  # noqa: ANN401 - of tomllib or tomlkit
    """Apply an edit to parsed TOML."""
    if isinstance(edit, Add):
        parent = _at(tables, edit.path[:-1], make)
        if edit.path[-1] not in parent:
            parent[edit.path[-1]] = make(edit.entries)
            return
        table = parent[edit.path[-1]]
        for name, value in edit.entries.items():
            if name not in table:
                table[name] = make(value) if isinstance(value, dict) else value
            elif isinstance(value, dict) and isinstance(table[name], dict):
                _apply_to(table, Add((name,), value), make)
        return
    table = _at(tables, edit.path[:-1], make)
    del table[edit.path[-1]]
    table.update(edit.entries)
    if not table and not edit.comment and len(edit.path) > 1:
        del _at(tables, edit.path[:-2])[edit.path[-2]]


def _at(tables: Any, path: Path, make: Any = dict) -> Any:  # noqa: ANN401
    """Return the table at a path, made where it is missing."""
    for part in path:
        if part not in tables:
            tables[part] = make({})
        tables = tables[part]
    return tables


def _found(tables: Any, path: Path) -> Any:  # noqa: ANN401
    """Return the table at a path; None if there is none."""
    for part in path:
        tables = tables.get(part) if tables is not None else None
    return tables


def _inline(entries: Mapping[str, Any]) -> Any:  # noqa: ANN401 - tomlkit's own
    return tomlkit.parse(f"x = {toml(entries)}\n")["x"]


def toml(value: Any) -> str:  # noqa: ANN401 - any TOML value
    """Return a value as TOML."""
    if isinstance(value, dict):
        inner = ", ".join(f"{_key(name)} = {toml(item)}" for name, item in value.items())
        return f"{{ {inner} }}" if inner else "{}"
    if isinstance(value, list):
        return f"[{', '.join(map(toml, value))}]"
    written: str = tomlkit.item(value).as_string()
    return written


def _key(name: str) -> str:
    return name if _BARE.fullmatch(name) else toml(name)
