"""tomllib says what a document means; every place that the locator names must say the same."""

from __future__ import annotations

import tomllib
from typing import TYPE_CHECKING, Any

import fuzzing  # noqa: F401 - sets how much is tried
import pytest
from documents import documents
from hypothesis import given

from modelgen.load import text as loading
from modelgen.load.locator import Locator
from modelgen.source import Source, Span

if TYPE_CHECKING:
    from collections.abc import Iterator

    from modelgen.load.locator import Path

AWKWARD = (
    'title = "漢字" # x = 1\r\na."b.c" . \'d\' = [ 1, [ "👩\u200d🚀", 0x1F ], # ]\r\n  { e\u0301 = 2 } ]\n'.replace(
        "e\u0301", '"e\u0301"'
    )
    + '"漢" = { x.y = """\r\na\\"\\\n  b""""", z = \'\'\'\nq\'\'\' }\n'
    + '\t[[ s."t.u" ]]\n k = 1979-05-27 07:32:00Z\n[[s."t.u"]]\n[s."t.u".v] # [no]\nk = nan\n[[s."t.u".w]]\nk=-0.0'
)


@given(documents())
def test_every_place_says_what_tomllib_says(text: str) -> None:
    source = Source("models.toml", loading.decode(text.encode()))
    assert list(disagreements(source, Locator(source))) == []


def test_an_awkward_document() -> None:
    source = Source("models.toml", AWKWARD)
    assert list(disagreements(source, Locator(source))) == []


class OneLeft(Locator):
    """A locator that is off by one column."""

    def value(self, path: Path) -> Span:
        span = super().value(path)
        return span._replace(column=max(1, span.column - 1))


class InclusiveEnd(Locator):
    """A locator that leaves out the last character."""

    def key(self, path: Path) -> Span:
        span = super().key(path)
        return span._replace(end_column=span.end_column - 1)


class CountsBytes(Locator):
    """A locator that counts bytes, as tree-sitter does."""

    def _column(self, row: int, column: int) -> int:  # noqa: ARG002 - the one that it overrides takes both
        return column + 1


@pytest.mark.parametrize("wrong", [OneLeft, InclusiveEnd, CountsBytes])
def test_the_check_can_fail(wrong: type[Locator]) -> None:
    source = Source("models.toml", AWKWARD)
    assert list(disagreements(source, wrong(source))) != []


def disagreements(source: Source, locator: Locator) -> Iterator[str]:
    """Yield every place whose text does not mean what tomllib reads at its path."""
    for path, value in _paths(tomllib.loads(source.text), ()):
        if isinstance(path[-1], str):
            written = _cut(source, locator.key(path))
            if not _is_same(_parse(f"{written} = 0"), {path[-1]: 0}):
                yield f"key of {path}: {written!r}"
        if isinstance(value, dict) and value:
            # What has no place of its own has that of a header or of a key with its name in it.
            header = _parse(_cut(source, locator.header(path)))
            names = [part for part in path if isinstance(part, str)]
            if isinstance(header, dict) and _names(header) != names:
                yield f"header of {path}: {header!r}"
        elif _has_a_place(value):
            written = _cut(source, locator.value(path))
            if not _is_same(_parse(f"v = {written}"), {"v": value}):
                yield f"value of {path}: {written!r}"


def _paths(value: Any, path: Path) -> Iterator[tuple[Path, Any]]:  # noqa: ANN401 - whatever TOML holds
    if path:
        yield path, value
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for part, item in items:
        yield from _paths(item, (*path, part))


def _has_a_place(value: object) -> bool:
    """Tables and arrays of tables may be written in many places; all else in one."""
    if isinstance(value, list):
        return not value or not all(isinstance(item, dict) for item in value)
    return not isinstance(value, dict)


def _cut(source: Source, span: Span) -> str:
    """Return the text of a span: 1-based characters, the end left out."""
    lines = source.text.split("\n")[span.line - 1 : span.end_line]
    lines[-1] = lines[-1][: span.end_column - 1]
    lines[0] = lines[0][span.column - 1 :]
    return "\n".join(lines)


def _parse(text: str) -> dict[str, Any] | None:
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError:
        return None


def _names(header: Any) -> list[str]:  # noqa: ANN401
    """Return `["a", "b"]` for what `[a.b]` or `[[a.b]]` parses to."""
    names = []
    while header:
        header = header[0] if isinstance(header, list) else header
        if header:
            ((name, header),) = header.items()
            names.append(name)
    return names


def _is_same(one: object, other: object) -> bool:
    """Compare by text: `nan` equals itself then, and `1` is not `true`."""
    return repr(one) == repr(other)
