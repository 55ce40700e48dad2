"""Quote values as YAML scalars, so that no value changes the structure."""

from __future__ import annotations

import re
from json.encoder import encode_basestring
from typing import Any

# Outside YAML's printable set, or read as a line break by YAML 1.1 (NEL, LS, PS).
_UNSAFE = re.compile("[\x7f-\x9f\u2028\u2029\ud800-\udfff\ufeff\ufffe\uffff]")
_PLAIN_KEY = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]*")
_NOT_STRINGS = frozenset({"true", "false", "yes", "no", "on", "off", "y", "n", "null"})


class Raw(str):
    """Text that is already YAML."""

    __slots__ = ()


def scalar(value: Any) -> str:  # noqa: ANN401 - whatever a template interpolates
    """Return a value as a quoted scalar or a flow collection, with `$` doubled for Compose.

    Strings are always quoted: `no`, `1e3`, `22:22` and `~` are strings too.
    """
    if isinstance(value, Raw):
        return value
    if isinstance(value, str):
        return _quote(value.replace("$", "$$"))
    if isinstance(value, bool):
        return "true" if value else "false"
    if value is None:
        return "null"
    if isinstance(value, int | float):
        return repr(value)
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key(name)}: {scalar(item)}" for name, item in value.items()) + "}"
    return "[" + ", ".join(map(scalar, value)) + "]"


def key(text: str) -> Raw:
    """Return a mapping's key, plain if it is unambiguous. Compose does not interpolate keys."""
    if _PLAIN_KEY.fullmatch(text) and text.lower() not in _NOT_STRINGS:
        return Raw(text)
    return Raw(_quote(text))


def _quote(text: str) -> str:
    if '"' in text and "'" not in text and text.isprintable():
        return f"'{text}'"  # JSON stays readable
    return _UNSAFE.sub(lambda found: f"\\u{ord(found[0]):04x}", encode_basestring(text))
