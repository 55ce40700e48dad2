"""Describe the keys of a table of models.toml, as its pydantic model declares them."""

from __future__ import annotations

import tomllib
from functools import cache
from typing import TYPE_CHECKING, Any, NamedTuple, get_args

from modelgen.config.compose import ComposeKeys
from modelgen.config.schema import without_null
from modelgen.config.table import Table
from modelgen.config.units import DOTTED_PATTERN, DURATION_PATTERN, SIZE_PATTERN
from written_pages.markdown import code, joined

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pydantic.fields import FieldInfo

NAMED = {"gpus": "NAME", "engines": "NAME", "models": "ID", "profiles": "NAME"}
"""Tables of tables, and how the pages call one of them."""
_STRINGS = {SIZE_PATTERN: " (size)", DURATION_PATTERN: " (duration)", DOTTED_PATTERN: " (version)"}
"""What strings with these patterns contain."""
_TYPES = {"string": "string", "integer": "integer", "number": "integer or float", "boolean": "boolean"}
_TYPES |= {"array": "array", "object": "table"}


class Key(NamedTuple):
    """A key of a table.

    Args:
        name: Its name in the table.
        type: Its type in the terms of TOML.
        meaning: Its description, without the default.
        default: The default: a value in TOML, or prose; None for a required key.
        examples: Values.
    """

    name: str
    type: str
    meaning: str
    default: str | None
    examples: list[Any]


def keys_of(table: type[Table]) -> list[Key]:
    """Return the keys of a table, in the order of their declaration."""
    schema = without_null(table.model_json_schema())["properties"]
    return [_key(name, field, schema[name]) for name, field in table.model_fields.items()]


def _key(name: str, field: FieldInfo, schema: dict[str, Any]) -> Key:
    meaning, _, default = (field.description or "").partition(" Default: ")
    type_ = "table" if tables_in(field) and schema.get("type") != "array" and "table" not in _type(schema) else None
    return Key(name, type_ or _type(schema), meaning, default.removesuffix(".") or None, field.examples or [])


def shown_default(default: str) -> str:
    """Return a default for readers: as code if it is a value of TOML."""
    return code(default) if is_toml(default) else default


def is_toml(text: str) -> bool:
    """Return whether a text is a value of TOML."""
    try:
        tomllib.loads(f"x = {text}")
    except tomllib.TOMLDecodeError:
        return False
    return True


@cache
def tables_of(root: type[Table], path: str = "") -> Mapping[str, Mapping[str, FieldInfo]]:
    """Return the fields of all tables below a model, by path such as `models.ID`; of the root by an empty one."""
    found: dict[str, Mapping[str, FieldInfo]] = {path: root.model_fields}
    for name, field in root.model_fields.items():
        place = f"{path}.{name}" if path else name
        kinds = [ComposeKeys] if name == "compose" else tables_in(field)
        for kind in kinds:
            found |= tables_of(kind, f"{place}.{NAMED[name]}" if name in NAMED and not path else place)
    return found


def tables_in(field: FieldInfo) -> list[type[Table]]:
    """Return the tables that a field's value may be, or hold."""
    kinds = _flatten(field.annotation)
    return list(dict.fromkeys(kind for kind in kinds if isinstance(kind, type) and issubclass(kind, Table)))


def _flatten(annotation: Any) -> list[Any]:  # noqa: ANN401 - whatever Python's annotations hold
    arguments = get_args(annotation)
    return [kind for argument in arguments for kind in _flatten(argument)] if arguments else [annotation]


def _type(schema: dict[str, Any]) -> str:
    if "$ref" in schema:
        return "table"
    if options := schema.get("anyOf") or schema.get("oneOf"):
        return joined(dict.fromkeys(map(_type, options)), "or")
    if "const" in schema:
        return f"{_TYPES[schema['type']]}: {_value(schema['const'])}"
    if "enum" in schema:
        return f"{_TYPES[schema['type']]}: {joined(map(_value, schema['enum']), 'or')}"
    kind = schema["type"]
    if isinstance(kind, list):
        return joined(["number" if one == "number" else _type({**schema, "type": one}) for one in kind], "or")
    if kind == "string":
        return "string" + _STRINGS.get(schema.get("pattern", ""), "")
    if kind == "array":
        return f"array of {_plural(schema['items'])}" if "items" in schema else "array"
    if kind == "object":
        return (
            f"table of {_plural(inner)}" if isinstance(inner := schema.get("additionalProperties"), dict) else "table"
        )
    return _TYPES[kind] + _bounds(schema)


def _plural(schema: dict[str, Any]) -> str:
    kind = schema.get("type")
    if isinstance(kind, str):
        return f"{_TYPES[kind]}s"
    return "strings or tables" if "oneOf" in schema else "strings" if kind == ["string", "number"] else "values"


def _value(value: Any) -> str:  # noqa: ANN401
    return code(f'"{value}"' if isinstance(value, str) else str(value))


def _bounds(schema: dict[str, Any]) -> str:
    words = {"exclusiveMinimum": "above", "minimum": "at least", "maximum": "at most"}
    found = [f"{word} {schema[bound]}" for bound, word in words.items() if bound in schema]
    return f" {' and '.join(found)}" if found else ""
