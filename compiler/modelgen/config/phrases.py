"""Translate pydantic's errors into modelgen's messages."""

from __future__ import annotations

from typing import Any


def phrase(item: Any) -> str:  # noqa: ANN401 - pydantic's ErrorDetails
    """Return what is wrong with a value, as the rest of a sentence that begins with its name."""
    match item["type"]:
        case "string_type":
            return f"must be a string, not {_kind(item['input'])}"
        case "bool_type":
            return f"must be true or false, not {_kind(item['input'])}"
        case "int_type":
            return f"must be an integer, not {_kind(item['input'])}"
        case "list_type":
            return f"must be a list, not {_kind(item['input'])}"
        case "dict_type" | "model_type" | "model_attributes_type":
            return f"must be a table, not {_kind(item['input'])}"
        case "literal_error":
            return f"must be {item['ctx']['expected'].replace(chr(39), chr(34))}"
        case "greater_than" | "greater_than_equal" | "less_than_equal":
            return f"must be {item['msg'].removeprefix('Input should be ')}"
        case "string_pattern_mismatch":
            return f"must match {item['ctx']['pattern']}"
        case "string_too_short":
            return "must not be empty"
        case "missing":
            return "is missing"
        case "extra_forbidden":
            return "is an unknown key"
        case _:
            return str(item["msg"])


def _kind(value: Any) -> str:  # noqa: ANN401
    match value:
        case bool():
            return "a boolean"
        case int():
            return "an integer"
        case float():
            return "a float"
        case str():
            return "a string"
        case list():
            return "a list"
        case dict():
            return "a table"
        case _:
            return "a date or time"
