"""Write one document as TOML in one plain way, for tests that are not about how it is written."""

from __future__ import annotations

import math
import re
from typing import Any

_ESCAPED = re.compile(r'[\x00-\x1f\x7f"\\]')


def dump(document: dict[str, Any]) -> str:
    """Return `document` as text: headers for tables and for the tables in them, all below that inline."""
    lines = [f"{_key(name)} = {inline(value)}" for name, value in document.items() if not isinstance(value, dict)]
    for name, table in document.items():
        if isinstance(table, dict):
            lines += _table(_key(name), table)
    return "\n".join(lines) + "\n"


def _table(header: str, table: dict[str, Any], depth: int = 1) -> list[str]:
    below = {name: item for name, item in table.items() if isinstance(item, dict) and depth < 2}
    lines = [f"[{header}]", *(f"{_key(name)} = {inline(item)}" for name, item in table.items() if name not in below)]
    for name, item in below.items():
        lines += _table(f"{header}.{_key(name)}", item, depth + 1)
    return lines


def inline(value: Any) -> str:  # noqa: ANN401 - whatever TOML holds
    """Return one value, on one line."""
    match value:
        case str():
            return '"' + _ESCAPED.sub(lambda found: f"\\u{ord(found[0]):04x}", value) + '"'
        case bool():
            return str(value).lower()
        case float() if math.isfinite(value):
            return repr(value)
        case int():
            # Python refuses to write what has more than 4,300 decimal digits.
            return hex(value) if value > 2**64 else str(value)
        case list():
            return f"[{', '.join(map(inline, value))}]"
        case dict():
            return "{" + ", ".join(f"{_key(name)} = {inline(item)}" for name, item in value.items()) + "}"
        case _:
            return value.isoformat() if hasattr(value, "isoformat") else str(value)


def _key(name: str) -> str:
    return name if re.fullmatch(r"[A-Za-z0-9_-]+", name) else inline(name)
