"""Represent the text of a models.toml and places in it."""

from __future__ import annotations

import re
from bisect import bisect_left
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple


class Span(NamedTuple):
    """A half-open range of a file.

    Lines and columns are 1-based; columns count characters, not bytes. `end_column` is the first column that no
    longer belongs to the span, as in SARIF and in GitHub's annotations.
    """

    path: str
    line: int
    column: int
    end_line: int
    end_column: int


@dataclass(frozen=True)
class Source:
    """A decoded text and its name in messages.

    Args:
        path: The file's name as the user wrote it, with forward slashes; only for messages.
        text: The text without a byte order mark. Line ends are as the user wrote them.
    """

    path: str
    text: str

    @cached_property
    def lines(self) -> list[str]:
        r"""The lines without their ends; only `\n` and `\r\n` end a line, as in TOML."""
        return [line.removesuffix("\r") for line in self.text.split("\n")]

    @property
    def start(self) -> Span:
        """The beginning, for findings about the file as a whole."""
        return Span(self.path, 1, 1, 1, 1)

    @cached_property
    def _ends(self) -> list[int]:
        """The indexes of the ends of lines: counted once, since a large file can have thousands of findings."""
        return [found.start() for found in re.finditer("\n", self.text)]

    def place(self, index: int) -> tuple[int, int]:
        """Return the line and the column of a character, both from 1."""
        before = bisect_left(self._ends, index)
        return before + 1, index - (self._ends[before - 1] if before else -1)

    def line(self, number: int) -> str:
        """Return line `number` (1-based), or an empty string past the end."""
        return self.lines[number - 1] if 0 < number <= len(self.lines) else ""


def offset_of(text: str, line: int, column: int) -> int:
    """Return the index of a place in a text; lines and columns count from 1."""
    return sum(len(part) + 1 for part in text.split("\n")[: line - 1]) + column - 1
