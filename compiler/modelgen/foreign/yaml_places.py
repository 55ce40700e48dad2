"""Find where a part of a YAML scalar is written: inside folded and quoted text, and through replaced variables."""

from __future__ import annotations

from array import array
from bisect import bisect_left, bisect_right
from itertools import accumulate
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

    __slots__ = ("_ends", "_node", "_pieces", "_source", "_written")

    def __init__(self, source: Source, node: ScalarNode, pieces: list[Piece] | None) -> None:
        self._source = source
        self._node = node
        self._pieces = pieces
        # Computed once, for the first finding: a scalar can have 4 MB, and 10,000 words with findings.
        self._written: tuple[array[int], array[int]] | None = None
        self._ends: list[int] | None = None

    def span(self, start: int, end: int) -> Span:
        """Return where the characters from `start` to `end` are written."""
        node, length = self._node, len(self._node.value)
        if self._pieces is not None:
            if self._ends is None:
                self._ends = [*accumulate(len(piece.text) for piece in self._pieces)]
            length = self._ends[-1] if self._ends else 0
            is_whole = start == 0 and end >= length
            start, end = _as_written(self._pieces, self._ends, start, end)
        else:
            is_whole = start == 0 and end >= length
        if is_whole and node.style not in ("|", ">"):
            return whole(self._source, node)
        if self._written is None:
            self._written = _offsets(self._source.text, node)
        starts, ends = self._written
        if not starts or start >= len(starts):
            return whole(self._source, node)
        return _between(self._source, starts[start], ends[max(start, min(end, len(ends)) - 1)])


def whole(source: Source, node: Node) -> Span:
    """Return the place of a whole node: of what is in several lines, the first one."""
    first, last = node.start_mark, node.end_mark
    if first.line == last.line:
        return Span(source.path, first.line + 1, first.column + 1, last.line + 1, last.column + 1)
    end = len(source.line(first.line + 1)) + 1
    return Span(source.path, first.line + 1, first.column + 1, first.line + 1, max(end, first.column + 2))


def _between(source: Source, start: int, end: int) -> Span:
    return Span(source.path, *source.place(start), *source.place(end))


def _as_written(pieces: list[Piece], ends: list[int], start: int, end: int) -> tuple[int, int]:
    """Return the range of the text before variables were replaced.

    Args:
        pieces: The parts of the text.
        ends: The position after each of them.
        start: The first character of the range.
        end: The position after the last one.
    """
    # An empty range may be at the end of a part.
    first = bisect_left(ends, start) if start == end else bisect_right(ends, start)
    if first >= len(pieces):
        return 0, pieces[-1].end if pieces else 0
    piece, at = pieces[first], ends[first] - len(pieces[first].text)
    begin = piece.start + (start - at if piece.is_literal else 0)
    last = min(bisect_left(ends, end), len(pieces) - 1)
    piece, at = pieces[last], ends[last] - len(pieces[last].text)
    finish = piece.start + min(end - at, len(piece.text)) if piece.is_literal else piece.end
    return begin, finish


def _offsets(text: str, node: ScalarNode) -> tuple[array[int], array[int]]:
    """Return where in the file each character of a scalar begins and ends; empty where that cannot be found.

    YAML changes only white space, quotes and escapes: all other characters stand in the file in their order.
    """
    at, end, style = node.start_mark.index, node.end_mark.index, node.style
    if style in ("|", ">"):
        at = text.find("\n", at) + 1 or end
    elif style:
        at += 1
    starts, ends = array("l"), array("l")
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
            return array("l"), array("l")
        else:
            at += 2 if style == "'" and letter == "'" else 1
        starts.append(begin)
        ends.append(max(at, begin + 1))
    return starts, ends
