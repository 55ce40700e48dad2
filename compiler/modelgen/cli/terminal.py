"""Fit text to the width of a terminal, without cutting words."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

_NARROWEST = 20
_UNKNOWN = 80
"""The width of a terminal that reports 0 columns, such as a serial console."""
_ROOM = 40
"""The width that a column of sentences needs; with less, it goes below."""


def has_colour(stream: Any) -> bool:  # noqa: ANN401 - any text stream
    """Return whether to use colours: on a terminal, or if FORCE_COLOR is set, and never if NO_COLOR is set."""
    if os.environ.get("NO_COLOR"):
        return False
    return bool(os.environ.get("FORCE_COLOR")) or (is_terminal(stream) and os.environ.get("TERM") != "dumb")


def is_terminal(stream: Any) -> bool:  # noqa: ANN401 - any text stream
    """Return whether the stream is a terminal; it is None if it was closed from the start (`2>&-`)."""
    return stream is not None and bool(stream.isatty())


def width_of(stream: Any) -> int | None:  # noqa: ANN401 - any text stream
    """Return the columns of a terminal, or those in COLUMNS; None for another stream, whose lines stay whole."""
    if not is_terminal(stream):
        return None
    given = os.environ.get("COLUMNS", "")
    columns = int(given) if given.isascii() and given.isdigit() else 0
    return max(columns or os.get_terminal_size(stream.fileno()).columns or _UNKNOWN, _NARROWEST)


def fill(text: str, width: int | None, indent: str = "") -> str:
    """Return a line, broken between words if it is wider than a terminal; later lines are indented."""
    if width is None or len(text) <= width:
        return text
    import textwrap

    return textwrap.fill(text, width, subsequent_indent=indent, break_long_words=False, break_on_hyphens=False)


def row(cells: str, text: str, width: int | None) -> str:
    """Return a row of a table: cells of fixed width and a text, which goes on below the cells if they leave no room."""
    line = f"{cells}{text}".rstrip()
    if width is None or len(line) <= width:
        return line
    if width - len(cells) >= _ROOM:
        return fill(line, width, " " * len(cells))
    head = fill(" ".join(cells.split()), width, "    ")
    return f"{head}\n{fill(f'    {text}', width, '    ')}" if text else head


def table(rows: Sequence[Sequence[str]], width: int | None, least: Sequence[int] = ()) -> Iterator[str]:
    """Yield the lines of a table, whose last column may be a text.

    Args:
        rows: The cells.
        width: Columns of the terminal; None for another stream.
        least: Least widths of the columns but the last.
    """
    cells = [[*least], *([len(cell) for cell in one[:-1]] for one in rows)]
    widths = [max(column) for column in zip(*(one for one in cells if one), strict=True)]
    for *padded, text in rows:
        yield row("".join(f"{cell:<{size}}  " for cell, size in zip(padded, widths, strict=True)), text, width)


class _Formatter(click.HelpFormatter):
    """Help for terminals that are narrower than click allows for."""

    def __init__(self, indent_increment: int = 2, width: int | None = None, max_width: int | None = None) -> None:
        import shutil

        columns = shutil.get_terminal_size().columns
        narrow = max(columns - 2, _NARROWEST) if columns <= _ROOM + 10 else None
        super().__init__(indent_increment, width or narrow, max_width)

    def write_dl(self, rows: Any, col_max: int = 30, col_spacing: int = 2) -> None:  # noqa: ANN401 - click's signature
        if self.width - col_max >= _ROOM // 2:
            super().write_dl(rows, col_max, col_spacing)
            return
        indent = " " * self.current_indent
        for term, text in rows:
            self.write(f"{fill(f'{indent}{term}', self.width, f'{indent}    ')}\n")
            self.write(f"{fill(f'{indent}    {text}', self.width, f'{indent}    ')}\n")


class Context(click.Context):
    """The context of all commands."""

    formatter_class: type[click.HelpFormatter] = _Formatter
