"""Find where a part of a YAML scalar is written: inside folded and quoted text, and through replaced variables."""

from __future__ import annotations

from typing import TYPE_CHECKING

from modelgen.source import Span

if TYPE_CHECKING:
    from yaml import Node, ScalarNode

    from modelgen.foreign.interpolation import Piece
    from modelgen.source import Source

_ESCAPES = {"x": 2, "u": 4, "U": 8}
_SPACES = " \t\r\n"


class Scalar:
    """A scalar of a YAML file, the origin of values."""

    __slots__ = ("_node", "_pieces", "_source")

    def __init__(self, source: Source, node: ScalarNode, pieces: list[Piece] | None) -> None:
        self._source = source
        self._node = node
        self._pieces = pieces

    def span(self, start: int, end: int) -> Span:
        """Return where the characters from `start` to `end` are written."""
        node, length = self._node, len(self._node.value)
        if self._pieces is not None:
            length = sum(len(piece.text) for piece in self._pieces)
            is_whole = start == 0 and end >= length
            start, end = _as_written(self._pieces, start, end)
        else:
            is_whole = start == 0 and end >= length
        if is_whole and node.style not in ("|", ">"):
            return whole(self._source, node)
        offsets = _offsets(self._source.text, node)
        if not offsets or start >= len(offsets):
            return whole(self._source, node)
        last = offsets[max(start, min(end, len(offsets)) - 1)]
        return _between(self._source, offsets[start][0], last[1])


def whole(source: Source, node: Node) -> Span:
    """Return the place of a whole node: of what is in several lines, the first one."""
    first, last = node.start_mark, node.end_mark
    if first.line == last.line:
        return Span(source.path, first.line + 1, first.column + 1, last.line + 1, last.column + 1)
    end = len(source.line(first.line + 1)) + 1
    return Span(source.path, first.line + 1, first.column + 1, first.line + 1, max(end, first.column + 2))


def _between(source: Source, start: int, end: int) -> Span:
    text = source.text
    line, column = text.count("\n", 0, start) + 1, start - text.rfind("\n", 0, start)
    end_line, end_column = text.count("\n", 0, end) + 1, end - text.rfind("\n", 0, end)
    return Span(source.path, line, column, end_line, end_column)


def _as_written(pieces: list[Piece], start: int, end: int) -> tuple[int, int]:
    """Return the range of the text before variables were replaced."""
    begin, finish, at = -1, 0, 0
    for piece in pieces:
        following = at + len(piece.text)
        if begin < 0 and (start < following or (start == end == following)):
            begin = piece.start + (start - at if piece.is_literal else 0)
        if at < end:
            finish = piece.start + min(end - at, len(piece.text)) if piece.is_literal else piece.end
        at = following
    return (begin, finish) if begin >= 0 else (0, pieces[-1].end if pieces else 0)


def _offsets(text: str, node: ScalarNode) -> list[tuple[int, int]]:
    """Return where in the file each character of a scalar begins and ends; empty where that cannot be found.

    YAML changes only white space, quotes and escapes: all other characters stand in the file in their order.
    """
    at, end, style = node.start_mark.index, node.end_mark.index, node.style
    if style in ("|", ">"):
        at = text.find("\n", at) + 1 or end
    elif style:
        at += 1
    found: list[tuple[int, int]] = []
    for letter in node.value:
        if style == '"' and text[at : at + 2] == "\\\n":
            at += 2
        if not (letter in _SPACES or (style == '"' and text[at : at + 1] == "\\")):
            while at < end and text[at] in _SPACES:
                at += 1
            if style == '"' and text[at : at + 2] == "\\\n":
                at += 2
                while at < end and text[at] in _SPACES:
                    at += 1
        begin = min(at, end - 1)
        if style == '"' and text[at : at + 1] == "\\":
            at += 2 + _ESCAPES.get(text[at + 1 : at + 2], 0)
        elif letter in _SPACES:
            at += text[at : at + 1] == letter
        elif text[at : at + 1] != letter:
            return []
        else:
            at += 2 if style == "'" and letter == "'" else 1
        found.append((begin, max(at, begin + 1)))
    return found
