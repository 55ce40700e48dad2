"""Replace variables as Compose does (compose-go, template/template.go): `$NAME`, `${NAME:-default}`, `$$`."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

from modelgen.foreign.values import UNKNOWN

if TYPE_CHECKING:
    from collections.abc import Mapping

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*", re.ASCII)
_OPERATOR = re.compile(r":?[-?+]")
_BRACE = re.compile(r"\$\{|\}")
_DEEPEST = 20


class Piece(NamedTuple):
    """A part of the result: its text, and where the part that it comes from begins and ends.

    Args:
        text: The text.
        start: The position of its first character in the text as written.
        end: The position after it.
        is_literal: Whether the text stands there as it is.
    """

    text: str
    start: int
    end: int
    is_literal: bool


class Interpolated(NamedTuple):
    """The result: its pieces, the variables that have no value, and whether Compose accepts the text."""

    pieces: list[Piece]
    missing: list[str]
    is_valid: bool


def interpolate(text: str, variables: Mapping[str, str], depth: int = 0) -> Interpolated:
    """Replace the variables in a text; one without value and default becomes `UNKNOWN`."""
    pieces: list[Piece] = []
    missing: list[str] = []
    at = 0
    while at < len(text):
        dollar = text.find("$", at)
        if dollar != at:
            end = len(text) if dollar < 0 else dollar
            pieces.append(Piece(text[at:end], at, end, is_literal=True))
            at = end
            continue
        if text.startswith("$$", at):
            pieces.append(Piece("$", at, at + 2, is_literal=False))
            at += 2
            continue
        if name := _NAME.match(text, at + 1):
            value, end = variables.get(name[0]), name.end()
            missing += [name[0]] if value is None else []
        elif text.startswith("{", at + 1) and depth < _DEEPEST and (end := _closing(text, at + 2)):
            value, lacks, is_valid = _braced(text[at + 2 : end - 1], variables, depth)
            missing += lacks
            if not is_valid:
                return Interpolated(pieces, missing, is_valid=False)
        elif text.startswith("{", at + 1):
            return Interpolated(pieces, missing, is_valid=False)
        else:  # a dollar sign before anything else is one, as in `"$@"`
            pieces.append(Piece("$", at, at + 1, is_literal=True))
            at += 1
            continue
        pieces.append(Piece(UNKNOWN if value is None else value, at, end, is_literal=False))
        at = end
    return Interpolated(pieces, missing, is_valid=True)


def _closing(text: str, at: int) -> int:
    """Return the position after the brace that closes the one before `at`, or 0."""
    depth = 1
    for brace in _BRACE.finditer(text, at):
        depth += 1 if brace[0] == "${" else -1
        if not depth:
            return brace.end()
    return 0


def _braced(text: str, variables: Mapping[str, str], depth: int) -> tuple[str | None, list[str], bool]:
    """Return the value of what stands in braces, the variables without a value, and whether it is valid."""
    name = _NAME.match(text)
    operator = _OPERATOR.match(text, name.end()) if name else None
    if name is None or (operator is None and name.end() != len(text)):
        return None, [], False
    value = variables.get(name[0])
    if operator is None or operator[0].endswith("?"):
        return value, [name[0]] if value is None else [], True
    is_set = value is not None and (value != "" or not operator[0].startswith(":"))
    if operator[0].endswith("+") and value is None:
        return None, [name[0]], True
    if is_set is operator[0].endswith("-"):
        return value, [], True
    if operator[0].endswith("+") and not is_set:
        return "", [], True
    other = interpolate(text[operator.end() :], variables, depth + 1)
    found = "".join(piece.text for piece in other.pieces)
    return found, other.missing, other.is_valid
