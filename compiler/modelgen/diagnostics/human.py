"""Format diagnostics for people: the source line, a caret, and the next step."""

from __future__ import annotations

import unicodedata
from typing import TYPE_CHECKING

from modelgen.diagnostics.diagnostic import Severity
from modelgen.diagnostics.masking import mask

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from modelgen.diagnostics.diagnostic import Diagnostic
    from modelgen.diagnostics.repeats import Shown
    from modelgen.source import Source

_COLOURS = {Severity.ERROR: "1;31", Severity.WARNING: "1;33", Severity.INFO: "1;36"}
_WIDTH = 120
_LEAST = 20
_MOST_LINES = 20


def render(shown: Iterable[Shown], *sources: Source, colour: bool, width: int | None = None) -> str:
    """Return one block per finding, separated by blank lines; an empty string if there is none.

    Args:
        shown: The findings.
        sources: The texts that they are about.
        colour: Use the colours of a terminal.
        width: The columns of the terminal; None if lines may have any length.
    """
    paint = _paint if colour else _plain
    by_path = {source.path: source for source in sources}
    return "\n".join(_block(one, by_path.get(one.found.span.path), paint, width) for one in shown)


def summarize(diagnostics: Iterable[Diagnostic]) -> str:
    """Return how many findings of each severity there are, as in `1 error, 2 warnings`."""
    severities = [found.severity for found in diagnostics]
    counts = [(severities.count(severity), severity.value) for severity in Severity]
    return ", ".join(f"{count} {name}{'s' if count > 1 else ''}" for count, name in counts if count)


def _block(shown: Shown, source: Source | None, paint: Callable[[str, str], str], width: int | None) -> str:
    found = shown.found
    span = found.span
    gutter = " " * len(str(span.line))
    bar = paint(f"{gutter} |", "34")
    head = f"{found.severity.value}[{found.code} {found.rule}]"
    first, *rest = _fill(f"{head}: {mask(_one_line(found.message))}", width)
    lines = [
        first.replace(head, paint(head, _COLOURS[found.severity]), 1),
        *(f"{gutter} {line}" for line in rest),
        f"{gutter}{paint('-->', '34')} {span.path}:{span.line}:{span.column}",
    ]
    if source is not None and (text := source.line(span.line)).strip():
        end = span.end_column if span.end_line == span.line else len(text) + 1
        room = _WIDTH if width is None else max(min(width - len(gutter) - 5, _WIDTH), _LEAST)
        excerpt, caret = _excerpt(mask(text), span.column - 1, max(end - 1, span.column), room)
        lines += [bar, f"{paint(f'{span.line} |', '34')} {excerpt}", f"{bar} {paint(caret, _COLOURS[found.severity])}"]
    if found.help:
        beside = None if width is None else max(width - len(gutter) - 9, _LEAST)
        first, *rest = (part for line in mask(found.help).splitlines() for part in _fill(line, beside))
        lines.append(f"{gutter} {paint('=', '34')} {paint('help', '1')}: {first}")
        lines += [f"{gutter}         {line}" for line in rest]
    if shown.more:
        beside = None if width is None else max(width - len(gutter) - 3, _LEAST)
        first, *rest = _fill(_more(shown.more), beside)
        lines.append(f"{gutter} {paint('=', '34')} {first}")
        lines += [f"{gutter}   {line}" for line in rest]
    return "\n".join(lines) + "\n"


def _more(found: list[Diagnostic]) -> str:
    """Return where a finding is repeated, as in `and 2 more: lines 30, 34`."""
    lines = [str(line) for line in dict.fromkeys(one.span.line for one in found)]
    listed = ", ".join(lines[:_MOST_LINES]) + (", …" if len(lines) > _MOST_LINES else "")
    return f"and {len(found)} more: line{'s' if len(lines) > 1 else ''} {listed}"


def _fill(text: str, width: int | None) -> list[str]:
    """Break a line between words."""
    if width is None or len(text) <= width:
        return [text]
    from textwrap import wrap

    return wrap(text, width, break_long_words=False, break_on_hyphens=False)


def _excerpt(text: str, start: int, end: int, width: int) -> tuple[str, str]:
    """Cut a long line around the span and underline it, counting tabs as 4 and wide characters as 2 columns."""
    left = max(0, min(start - width // 6, len(text) - width)) if len(text) > width else 0
    shown = text[left : left + width]
    marked = slice(start - left, min(end - left, len(shown) + 1))
    lead, trail = ("…" if left else ""), ("…" if left + width < len(text) else "")
    indent = " " * (len(lead) + _columns(shown[: marked.start]))
    caret = "^" * max(1, _columns(shown[marked]))
    return f"{lead}{''.join(_printable(character) for character in shown)}{trail}", indent + caret


def _columns(text: str) -> int:
    return sum(4 if c == "\t" else 0 if unicodedata.combining(c) else 1 + (_is_wide(c)) for c in text)


def _is_wide(character: str) -> bool:
    return unicodedata.east_asian_width(character) in "WF"


def _printable(character: str) -> str:
    """Return a character without its effect on a terminal: excerpts must not contain escape sequences."""
    if character == "\t":
        return "    "
    return character if character.isprintable() else "\N{REPLACEMENT CHARACTER}"


def _one_line(text: str) -> str:
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode("ascii") for c in text)


def _plain(text: str, _code: str) -> str:
    return text


def _paint(text: str, code: str) -> str:
    return f"\x1b[{code}m{text}\x1b[0m"
