"""Read checked numbers from an untrusted config.json."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

_LARGEST = 2**31


class CannotEstimateError(Exception):
    """The memory of a model cannot be estimated; the text says why."""


def size(values: Mapping[str, Any], *keys: str, default: int | None = None) -> int:
    """Return the first of these keys that is there, a number from 1 on.

    Args:
        values: A config.json, or a part of it.
        keys: The names that families have for it.
        default: The value where it is missing; None if it must be there.

    Raises:
        CannotEstimateError: It is missing, or no such number.
    """
    key = next((key for key in keys if values.get(key) is not None), None)
    if key is None:
        if default is None:
            raise CannotEstimateError(f"`{keys[0]}` of config.json is missing")
        return default
    value = values[key]
    if not isinstance(value, int) or isinstance(value, bool) or not 1 <= value < _LARGEST:
        raise CannotEstimateError(f"`{key}` of config.json is not a size")
    return value


def count(values: Mapping[str, Any], key: str) -> int:
    """Return a number that may be missing or 0.

    Raises:
        CannotEstimateError: It is something else.
    """
    return 0 if values.get(key) in (None, 0) and values.get(key) is not False else size(values, key)


def part(values: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    """Return a table of a config.json; empty without it."""
    found = values.get(key)
    return found if isinstance(found, dict) else {}


def named(value: object) -> str:
    """Return a value as a message has it; lists and tables, which may be deep, by their type."""
    return str(value)[:60] if value is None or isinstance(value, str | bool | float) else f"<{type(value).__name__}>"
