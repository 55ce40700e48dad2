"""Translate pydantic's errors into modelgen's messages."""

from __future__ import annotations

import json
import re
import shlex
from typing import TYPE_CHECKING, Any

from modelgen.config.familiar_values import (
    as_boolean,
    as_capability,
    as_gpus,
    as_memory,
    as_number,
    bare,
    converted,
    kind_of_gpu,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

_ADDRESSES = ("listen", "publish")
_TABLES = {"env": '{ NAME = "value" }', "loras": '{ NAME = "namespace/repository" }'}


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


def write_value(
    path: tuple[str | int, ...],
    item: Any,  # noqa: ANN401 - pydantic's ErrorDetails
    tables: Mapping[str, Any],
) -> str:
    """Return what to write for a value that was refused, as far as the value itself shows it; else empty."""
    key, value = path[-1], item["input"]
    if "gpus" in path[2:] or path[:2] == ("defaults", "gpus"):
        names = as_gpus(_value_at(tables, path[: path.index("gpus", 1) + 1]), tables)
        return f"write `gpus = {names}`" if names else ""
    match item["type"], value:
        case (_, int()) if path == ("gpus", "count"):
            return "remove it, and declare each GPU in a table: `[gpus.gpu0]`, `[gpus.gpu1]`"
        case ("greater_than" | "less_than", int()) if key == "port":
            return "write the port on which the program listens, as in `port = 8000`"
        case ("string_type", int()) if key in _ADDRESSES and 0 < value < 65536 and value is not True:
            return f'write `{key} = "127.0.0.1:{value}"`'
        case ("string_type", int() | float() | bool()) if isinstance(key, str):
            return f'write `{key} = "{json.dumps(value)}"`'
        case "list_type", str() if key in ("command", "entrypoint"):
            return f"write `{key} = {json.dumps(_words(value), ensure_ascii=False)}`"
        case "list_type", str():
            return f"write `{key} = {json.dumps([value], ensure_ascii=False)}`"
        case ("dict_type", list() | str()) if key == "args":
            return f"write the flags without dashes, as in `args = {_as_args(value)}`"
        case ("dict_type", _) if key in ("env", "loras"):
            return f"write `{key} = {converted(str(key), value, tables) or _TABLES[str(key)]}`"
        case ("model_type", str()) if key == "build":
            return f"write `build = {{ context = {json.dumps(value, ensure_ascii=False)} }}`"
        case ("dict_type", list()) if len(path) == 1:
            return f"write `[{key}.NAME]` in single brackets, with a name of its own for each table"
        case ("model_type" | "dict_type", list() | str()) if path[0] == "profiles" and len(path) == 2:
            models = converted("models", value, tables)
            return f"write `[profiles.{bare(str(key))}]` with `models = {models}`" if models else ""
        case ("bad-duration", int()) if value > 0:
            return f'write `{key} = "{value}s"`'
        case "bad-size", _ if size := as_memory(value, is_share_allowed=key == "gpu_memory"):
            return f"write `{key} = {size}`"
        case "bad-duration", str() if re.fullmatch(r"[1-9]\d{0,3}", value.strip()):
            return f'write `{key} = "{value.strip()}s"`'
        case "int_type", str() if number := as_number(value):
            return f"write `{key} = {number}`"
        case "bool_type", str() | int() if meant := as_boolean(value):
            return f"write `{key} = {meant}`"
        case "bad-name", str() if name := re.sub(r"[^a-z0-9]+", "-", value.lower()).strip("-")[:63]:
            return f'write `{key} = "{name}"`'
        case "literal_error", str() if key == "kind" and path[0] == "gpus":
            return kind_of_gpu(value, str(path[1]))
        case "bad-value", str() | int() | float() if key == "capability" and (meant := as_capability(value)):
            return f'write `capability = "{meant}"`'
        case "string_pattern_mismatch", str() if "network_aliases" in path:
            host = re.match(r"\s*(?:\w+://)?([A-Za-z0-9](?:[A-Za-z0-9._-]{0,61}[A-Za-z0-9])?)", value)
            return f'write `"{host[1]}"`' if host else 'write a host name, such as `"llm"`'
        case _:
            pass
    return ""


def _words(line: str) -> list[str]:
    """Return the words of a command line, as a shell splits them; at spaces if its quotes do not match."""
    try:
        return shlex.split(line)
    except ValueError:
        return line.split()


def _value_at(tables: Mapping[str, Any], path: tuple[str | int, ...]) -> Any:  # noqa: ANN401
    value: Any = tables
    for part in path:
        value = value.get(part) if isinstance(value, dict) else None
    return value


def _as_args(written: list[Any] | str) -> str:
    """Return a command line's flags as an inline table; the usual example if they cannot be read."""
    line = written if isinstance(written, str) else " ".join(map(str, written))
    flags = re.findall(r"--([a-z][a-z0-9-]*)(?:[= ]([^\s-]\S*))?(?=\s|$)", line)
    if not flags:
        return "{ max-model-len = 16384 }"
    return "{ " + ", ".join(f"{flag} = {_as_toml(value)}" for flag, value in flags) + " }"


def _as_toml(word: str) -> str:
    """Return a word of a command line as a TOML value; a flag without a value is a switch."""
    if not word:
        return "true"
    return word if re.fullmatch(r"[1-9]\d*|0\.\d+", word) else json.dumps(word, ensure_ascii=False)


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
