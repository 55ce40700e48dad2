"""Add tables to the bytes of a models.toml, and remove a model from them; all else stays byte for byte."""

from __future__ import annotations

import tomllib
from typing import TYPE_CHECKING

from modelgen.files import InputError
from modelgen.load.text import decode

if TYPE_CHECKING:
    from typing import Any


def append(data: bytes, tables: str) -> bytes:
    """Return the file with tables at its end, one blank line before them, with its own line ends.

    Raises:
        InputError: The file is written so that a table cannot follow.
    """
    text = decode(data)
    end = "\r\n" if text and text.count("\n") == text.count("\r\n") > 0 else "\n"
    before = "" if not text or text.endswith(end * 2) else end if text.endswith(end) else end * 2
    new = data + (before + tables.replace("\n", end)).encode()
    if _parsed(new) != _merged(tomllib.loads(text), tomllib.loads(tables)):
        raise InputError("models.toml is written in a way that no table can follow; add the table by hand")
    return new


def _parsed(data: bytes) -> dict[str, Any] | None:
    try:
        return tomllib.loads(decode(data))
    except tomllib.TOMLDecodeError:
        return None


def _merged(first: dict[str, Any], second: dict[str, Any]) -> dict[str, Any]:
    """Return both tables; of a key in both, which are tables too, the tables in both."""
    return {
        **first,
        **{
            key: _merged(first[key], value) if isinstance(first.get(key), dict) and isinstance(value, dict) else value
            for key, value in second.items()
        },
    }
