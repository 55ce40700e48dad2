"""Compose Markdown."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from modelgen.diagnostics import Rule

MARK = "<!-- Written by tools/write_pages.py"
"""The beginning of every written page."""


def mark(source: str) -> str:
    """Return the first line of a page that is written from `source`."""
    return f"{MARK} from {source}. -->\n\n"


def code(text: str) -> str:
    """Return text as code; it may contain backticks."""
    return f"`` {text} ``" if "`" in text else f"`{text}`"


def block(text: str, language: str = "") -> str:
    """Return a block of code."""
    return f"```{language}\n{text.rstrip()}\n```\n"


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> Iterator[str]:
    """Yield the lines of a table, and an empty one."""
    for cells in (head, ["---"] * len(head), *rows):
        yield "| " + " | ".join(cell.replace("|", r"\|") for cell in cells) + " |"
    yield ""


def joined(parts: Iterable[str], last: str = "and") -> str:
    """Return parts as a list in a sentence: `a, b and c`."""
    *first, end = parts
    return f"{', '.join(first)} {last} {end}" if first else end


def rule_anchor(rule: Rule[...]) -> str:
    """Return the anchor of a rule in rules.md."""
    return f"#{rule.code.lower()}-{rule.name}"


def rule_link(rule: Rule[...]) -> str:
    """Return a link to a rule, from a page in a folder of docs/."""
    return f"[{rule.code} {rule.name}](../rules.md{rule_anchor(rule)})"


def toml(value: Any) -> str:  # noqa: ANN401 - whatever TOML holds
    """Return a value in TOML, on one line."""
    if isinstance(value, dict):
        return f"{{ {', '.join(f'{_key(key)} = {toml(item)}' for key, item in value.items())} }}"
    if isinstance(value, list):
        return f"[{', '.join(map(toml, value))}]"
    return json.dumps(value, ensure_ascii=False)


def _key(name: str) -> str:
    return name if re.fullmatch(r"[A-Za-z0-9_-]+", name) else json.dumps(name)
