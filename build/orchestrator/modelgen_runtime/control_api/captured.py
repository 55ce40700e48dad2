"""Show a captured request and its answer as text without secrets."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from modelgen_runtime.failures.log_lines import MASK, mask
from modelgen_runtime.usage.captures import MARGIN, MOST_BODY

if TYPE_CHECKING:
    from modelgen_runtime.usage.captures import Capture, Message

_SECRET = re.compile(r"authorization|api-?key|cookie|token|secret|passw", re.IGNORECASE)
"""Headers whose values are masked."""
# A string of JSON as a whole, also inside another string, whose quotes are escaped, as in the arguments of a tool.
_SECRET_STRING = re.compile(
    r"""((?P<quote>\\{0,3}")[\w-]{0,32}(?:api[-_]?key|secret(?:[-_]key)?|passw(?:or)?d|authorization"""
    r"""|(?:access|auth|bearer|refresh|hf)[-_]token)(?P=quote)\s{0,4}:\s{0,4}(?P=quote))"""
    r"""(?:(?!(?P=quote))(?:\\.|[^\\]))*""",
    re.IGNORECASE | re.DOTALL,
)
_CONTROL = {code: None for code in (*range(32), *range(127, 160)) if chr(code) not in "\t\n"}


def show_capture(number: int, capture: Capture) -> dict[str, Any]:
    """Return it as JSON."""
    return {"id": number, "request": _show(capture.request), "answer": _show(capture.answer)}


def _show(message: Message) -> dict[str, Any]:
    body = _SECRET_STRING.sub(rf"\1{MASK}", message.body.decode(errors="replace").translate(_CONTROL))
    shown = mask(body).encode()
    if message.size > len(message.body):
        shown = shown[:-MARGIN]
    return {
        "headers": [_masked(line) for line in message.head.decode("latin-1").translate(_CONTROL).splitlines()],
        "body": shown[:MOST_BODY].decode(errors="ignore"),
        "bytes": message.size,
        "cut": message.size > MOST_BODY,
    }


def _masked(line: str) -> str:
    name, colon, value = line.partition(": ")
    return f"{name}{colon}{MASK if _SECRET.search(name) else mask(value)}"
