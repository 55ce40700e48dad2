"""Answer keys that other tools have with what to write in models.toml."""

from __future__ import annotations

import json
import math
import re
from typing import Any

from modelgen.config import familiar_names as names


def write_instead(path: tuple[str | int, ...], value: Any, *, has_engine: bool = False) -> str:  # noqa: ANN401
    """Return what to write in place of the unknown key at `path`, as a help line; empty if it is not familiar.

    Args:
        path: The path of the key.
        value: Its value, whatever TOML holds.
        has_engine: Whether the model's table names an engine, which may have other names for its flags.
    """
    word = _word(path[-1])
    flags = flag_names(word)
    if path[0] in ("models", "defaults") and has_engine and len(flags) > 1:
        return f"write the engine's own flag in `args`, such as {', '.join(f'`{flag}`' for flag in flags)}"
    if found := _find(path, word, value):
        return f"write `{found}`"
    is_known_there = path[0] in ("models", "defaults") or len(path) == 1
    return f"remove it: {names.REMOVED[word]}" if is_known_there and word in names.REMOVED else ""


def flag_names(word: str) -> tuple[str, ...]:
    """Return the flags of engines that another tool's name means; that of the default engine is the first."""
    meant = names.FLAGS.get(_word(word))
    return (meant, *names.SPELLINGS.get(meant, ())) if meant else ()


def _word(key: str | int) -> str:
    return re.sub(r"(?<=[a-z])(?=[A-Z])", "_", str(key)).lower().replace("-", "_")


def _find(path: tuple[str | int, ...], word: str, value: Any) -> str:  # noqa: ANN401
    *around, key = path
    table = str(around[0]) if around else ""
    if table not in ("models", "defaults"):
        return names.IN_TABLES.get(table, {}).get(word, "")
    written = _as_toml(value)
    if word in names.FLAGS and isinstance(value, str | int):
        return f"args = {{ {names.FLAGS[word]} = {written} }}"
    if word in names.SAMPLING and isinstance(value, int | float):
        return f"args = {{ override-generation-config = {{ {word} = {written} }} }}"
    if word in names.COMPOSE:
        return f"compose = {{ {key} = {written or '…'} }}"
    if (own := names.MODEL_KEYS.get(word)) is not None:
        return f"{own} = {_converted(own, value) or names.EXAMPLES[own]}"
    return names.ELSEWHERE.get(word, "")


def _as_toml(value: Any) -> str:  # noqa: ANN401
    """Return a value as TOML on one line; an empty string for one that JSON writes in another way."""
    if isinstance(value, list) and all(isinstance(item, str | int) for item in value):
        return json.dumps(value, ensure_ascii=False)
    is_plain = isinstance(value, str | int) or (isinstance(value, float) and math.isfinite(value))
    return json.dumps(value, ensure_ascii=False) if is_plain else ""


def _converted(key: str, value: Any) -> str:  # noqa: ANN401
    """Return the written value as the value of `key`, or an empty string if it cannot be one."""
    match key, value:
        case "idle_timeout" | "start_timeout", int() if value > 0 and value is not True:
            return f'"{value}s"'
        case "gpu_memory", float() if 0 < value <= 1:
            return str(value)
        case "publish", int() | str() if port := re.match(r"(\d{2,5})(?::\d+)?$", str(value)):
            return f'"127.0.0.1:{port[1]}"'
        case "publish", [first, *_]:
            return _converted(key, first)
        case "service", str() if re.fullmatch(r"[a-z0-9][a-z0-9_-]{0,62}", value):
            return json.dumps(value)
        case "env", [*items] if items and all(isinstance(item, str) and "=" in item for item in items):
            pairs = (item.split("=", 1) for item in items)
            written = ", ".join(f"{name} = {json.dumps(text, ensure_ascii=False)}" for name, text in pairs)
            return f"{{ {written} }}"
        case "repo", str() if re.fullmatch(r"[\w-][\w.-]*/[\w.-]+", value):
            return json.dumps(value)
        case "aliases" | "gpus" | "include" | "exclude", str():
            return json.dumps([value], ensure_ascii=False)
        case _:
            return ""
