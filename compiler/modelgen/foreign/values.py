"""Represent a value of a foreign file: its text, with variables replaced, and where it is written."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, Protocol

if TYPE_CHECKING:
    from modelgen.source import Span

UNKNOWN = "\ufffc"
"""Stands in a text for a variable whose value is not known (U+FFFC, which stands for an object that is not text)."""


class Origin(Protocol):
    """The source of a value. Places are computed only for findings."""

    def span(self, start: int, end: int) -> Span:
        """Return where the characters from `start` to `end` of the value's text are written."""


class Value(NamedTuple):
    """A text and its place.

    Args:
        text: The text as the program gets it.
        origin: What it was read from.
        start: The position of the text in the whole value of its origin.
    """

    text: str
    origin: Origin
    start: int = 0

    @property
    def is_known(self) -> bool:
        """Return whether every variable in the text has a known value."""
        return UNKNOWN not in self.text

    @property
    def span(self) -> Span:
        """Where the text is written."""
        return self.origin.span(self.start, self.start + len(self.text))

    def part(self, start: int, end: int | None = None) -> Value:
        """Return a part of the text with its own place."""
        return Value(self.text[start:end], self.origin, self.start + start)


class Letters:
    """The origin of a word whose characters do not stand side by side: quotes and escapes are between them.

    Args:
        origin: What the word was read from.
        offsets: The position in it of each character of the word.
        after: The position after the word.
    """

    __slots__ = ("_after", "_offsets", "_origin")

    def __init__(self, origin: Origin, offsets: list[int], after: int) -> None:
        self._origin = origin
        self._offsets = offsets
        self._after = after

    def span(self, start: int, end: int) -> Span:
        """Return where the characters from `start` to `end` are written."""
        offsets = self._offsets
        first = offsets[start] if start < len(offsets) else self._after
        last = offsets[end - 1] + 1 if start < end <= len(offsets) else self._after
        return self._origin.span(first, max(first, last))
