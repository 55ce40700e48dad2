"""Find the comments `# modelgen: allow RULE`, and the lines that each of them is about."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from modelgen.source import Source

_COMMENT = re.compile(r"#\s*modelgen:\s*allow\s+(?P<rules>[\w-]+(?:[\s,]+[\w-]+)*)")
_KEY = re.compile(r"(?P<indent>[ -]*)(?P<key>[\w.-]+)[ \t]*:(?:[ \t]+(?P<value>[^#\s].*))?")
_COMMANDS = ("command", "entrypoint", "cmd", "test")
"""The keys whose lists are commands: a comment above them is about all their items."""
_LONGEST = 2_000
"""The most lines of a command: a file in which each line has a comment is read in bounded time."""


def allowed_rules(source: Source) -> Mapping[int, set[str]]:
    """Return the names of the rules that are allowed in each line, from 1.

    A comment is about its line, or alone in a line about the next one; of a command in several lines, about all of it.
    """
    found: dict[int, set[str]] = {}
    lines = source.lines if "modelgen:" in source.text else ()
    block_end = 0
    for at, line in enumerate(lines):
        comment = _COMMENT.search(line)
        if comment is None:
            continue
        first = at
        if not line[: comment.start()].strip():
            if block_end <= at:  # of several comments in a block, the end is looked for once
                block_end = next((n for n in range(at + 1, len(lines)) if not _is_comment(lines[n])), len(lines))
            first = block_end
        for number in range(first, _end(lines, first)):
            found.setdefault(number + 1, set()).update(re.split(r"[\s,]+", comment["rules"]))
    return found


def _is_comment(line: str) -> bool:
    return line.lstrip().startswith("#")


def _end(lines: Sequence[str], first: int) -> int:
    """Return the line after the command that begins in a line; of anything else, the next line."""
    after, last = first + 1, min(len(lines), first + _LONGEST)
    while after < last and lines[after - 1].rstrip().endswith("\\"):
        after += 1
    key = _KEY.match(lines[first]) if first < len(lines) else None
    if key is None or after > first + 1 or (key["value"] is None and key["key"] not in _COMMANDS):
        return after
    depth = len(key["indent"])
    while after < last and (not lines[after].strip() or _is_below(lines[after], depth)):
        after += 1
    return after


def _is_below(line: str, depth: int) -> bool:
    """Return whether a line is inside the value of a key; the items of a list may be as deep as the key."""
    inside = len(line) - len(line.lstrip(" "))
    return inside > depth or (inside == depth and line.lstrip().startswith(("- ", "]")))
