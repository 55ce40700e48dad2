"""Read JSON strictly as dataclasses: every field has its type and its range, and no other field is there."""

from __future__ import annotations

import dataclasses
import types
import typing
from collections import Counter
from dataclasses import dataclass
from typing import Annotated, Any


class ManifestError(Exception):
    """The manifest cannot be used; the message is one sentence that names the field."""


@dataclass(frozen=True, slots=True)
class Range:
    """The range of a number: at least `least` (or above it), at most `most`."""

    least: int
    most: int
    is_open: bool = False

    def holds(self, value: float) -> bool:
        """Return whether a number is in the range; NaN never is."""
        return (self.least < value if self.is_open else self.least <= value) and value <= self.most

    def __str__(self) -> str:
        return f"{'above' if self.is_open else 'at least'} {self.least} and at most {self.most}"


def read_object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Return a JSON object, and refuse duplicate keys, whose first value would be lost."""
    table = dict(pairs)
    if len(table) < len(pairs):
        twice = next(key for key, count in Counter(key for key, _ in pairs).items() if count > 1)
        raise ManifestError(f"`{twice[:100]}` is written twice in one table of the manifest")
    return table


def read_value(kind: Any, value: Any, place: str) -> Any:  # noqa: ANN401 - whatever the class says
    """Return a value of the annotated type, or raise an error that names its place."""
    if dataclasses.is_dataclass(kind):
        return _read_table(kind, value, place)
    origin, arguments = typing.get_origin(kind), typing.get_args(kind)
    if origin in (types.UnionType, typing.Union):  # only `… | None`
        return None if value is None else read_value(arguments[0], value, place)
    if origin is tuple:
        if not isinstance(value, list):
            raise ManifestError(f"`{place}` must be a list")
        return tuple(read_value(arguments[0], item, f"{place}[{index}]") for index, item in enumerate(value))
    if origin is dict:
        if not isinstance(value, dict):
            raise ManifestError(f"`{place}` must be a table")
        return {key: read_value(arguments[1], item, f"{place}.{key}") for key, item in value.items()}
    if origin is Annotated:
        return _read_number(arguments[0], arguments[1], value, place)
    if type(value) is not kind:
        raise ManifestError(f"`{place}` must be {_KINDS[kind]}")
    return value


def _read_number(kind: type, range_: Range, value: object, place: str) -> int | float:
    """Return a number; integers are accepted as floats."""
    if isinstance(value, bool) or not isinstance(value, (int, kind)) or not isinstance(value, int | float):
        raise ManifestError(f"`{place}` must be {_KINDS[kind]}")
    if not range_.holds(value):
        raise ManifestError(f"`{place}` must be {range_}, not {_shown(value)}")
    return float(value) if kind is float else value


def _shown(number: float) -> str:
    """Return a number as text, shortened if it has very many digits."""
    return "a number that large" if isinstance(number, int) and abs(number) >= 2**63 else str(number)


_KINDS = {str: "a string", int: "an integer", float: "a number", bool: "true or false"}


def _read_table(kind: Any, value: Any, place: str) -> Any:  # noqa: ANN401 - a dataclass
    if not isinstance(value, dict):
        raise ManifestError(f"`{place}` must be a table" if place else "the manifest must be a table")
    hints = typing.get_type_hints(kind, include_extras=True)
    fields = {item.name: item for item in dataclasses.fields(kind)}
    prefix = f"{place}." if place else ""
    for key in value:
        if key not in fields:
            raise ManifestError(f"`{prefix}{key}` is no field that this orchestrator knows")
    for key, item in fields.items():
        is_required = item.default is dataclasses.MISSING and item.default_factory is dataclasses.MISSING
        if is_required and key not in value:
            raise ManifestError(f"`{prefix}{key}` is missing")
    return kind(**{key: read_value(hints[key], item, f"{prefix}{key}") for key, item in value.items()})
