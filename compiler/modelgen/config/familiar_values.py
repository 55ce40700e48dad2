"""Convert values as other tools write them to the values of models.toml."""

from __future__ import annotations

import json
import math
import re
from typing import TYPE_CHECKING, Any

from modelgen.config.familiar_names import VALUES

if TYPE_CHECKING:
    from collections.abc import Mapping

# A larger number is in another unit, or infinite.
_GIB_LIMIT = 1024
_LONGEST = 200
_TEXTS = {
    "repo": r"[\w-][\w.-]*/[\w.-]+",
    "service": r"[a-z0-9][a-z0-9_-]{0,62}",
    "name": r"[a-z0-9][a-z0-9_-]{0,62}",
    "health": r"/\S*",
    "image": r"\S+[/:]\S+",
    "base_image": r"\S+[/:]\S+",
    "file": r"\S+\.gguf",
    "mmproj": r"\S+\.gguf",
    "revision": r"[\w./-]+",
    "upstream_name": r"\S+",
    "engine": r"vllm|sglang|llamacpp|tei|infinity|command",
    "kind": r"nvidia|cdi|amd",
    "hub": r"\S.*",
}
"""The keys that take a string, with the strings that are certainly meant."""


_KINDS = {"cuda": "nvidia", "geforce": "nvidia", "rocm": "amd", "radeon": "amd", "hip": "amd"}
_OF_INTEL = re.compile(r"\b(?:intel|arc|xpu|gaudi\d?|habana|hpu|data center gpu)\b|^(?:gaudi|hl-)", re.IGNORECASE)


def kind_of_gpu(written: str, table: str) -> str:
    """Return what to write for an unknown `kind` of a GPU, as a help line; empty if it is not familiar."""
    if found := _KINDS.get(written.lower()):
        return f'write `kind = "{found}"`'
    if written.lower() in ("jetson", "tegra", "l4t"):
        return "remove it, and write the name of the module as `card`, such as `Jetson AGX Orin 64GB`"
    if written.lower() in ("tpu", "google", "npu", "ascend", "cann", "neuron", "trainium", "inferentia"):
        return (
            f"modelgen supports GPUs of NVIDIA and AMD: remove `[gpus.{table}]`, and give a model of "
            '`engine = "command"` its devices by `compose`'
        )
    return about_intel(written, table)


def about_intel(written: str, table: str) -> str:
    """Return what to do instead of a table for a GPU of Intel or a Gaudi; empty for another name."""
    if not _OF_INTEL.search(written):
        return ""
    return (
        f"modelgen does not support GPUs of Intel and Gaudi: remove `[gpus.{table}]`, and give a model of "
        '`engine = "command"` its devices by `compose`, as in `devices = ["/dev/dri/renderD128"]`'
    )


def as_capability(value: float | str) -> str:
    """Return a capability as models.toml has it: `8.6` for `sm_86`, `86` and 8.6; empty if it cannot be one."""
    text = re.sub(r"[\s_-]", "", str(value).lower())
    if re.fullmatch(r"gfx[0-9a-f]{3,4}", text):
        return text
    found = re.fullmatch(r"(?:sm|compute)?(?:(\d\d?)\.(\d)|(1[0-2]|\d)|(\d\d?)(\d))[af]?", text)
    return f"{found[1] or found[3] or found[4]}.{found[2] or found[5] or 0}" if found else ""


def as_toml(value: Any) -> str:  # noqa: ANN401 - whatever TOML holds
    """Return a value as TOML on one line; an empty string for one that is long or not of JSON's types."""
    text = _as_toml(value)
    return text if text is not None and len(text) <= _LONGEST else ""


def _as_toml(value: Any) -> str | None:  # noqa: ANN401
    if isinstance(value, list):
        items = [_as_toml(item) for item in value]
        return None if None in items else f"[{', '.join(map(str, items))}]"
    if isinstance(value, dict):
        pairs = {key: _as_toml(item) for key, item in value.items()}
        return (
            None
            if None in pairs.values()
            else f"{{ {', '.join(f'{bare(key)} = {text}' for key, text in pairs.items())} }}"
        )
    is_plain = isinstance(value, str | int) or (isinstance(value, float) and math.isfinite(value))
    return json.dumps(value, ensure_ascii=False) if is_plain else None


def bare(key: str) -> str:
    """Return a key as TOML writes it."""
    return key if re.fullmatch(r"[A-Za-z0-9_-]+", key) else json.dumps(key, ensure_ascii=False)


def converted(key: str, value: Any, tables: Mapping[str, Any]) -> str:  # noqa: ANN401 - one case a kind
    """Return the written value as the value of `key` in TOML, or an empty string if it cannot be one.

    Args:
        key: modelgen's key.
        value: The value that was written for it.
        tables: The whole file, whose GPUs have names.
    """
    if key in _TEXTS:
        return as_toml(value) if isinstance(value, str) and re.fullmatch(_TEXTS[key], value) else ""
    match key, value:
        case "idle_timeout" | "start_timeout", _:
            return _as_duration(value)
        case "gpu_memory" | "memory", _:
            return as_memory(value, is_share_allowed=key == "gpu_memory")
        case "limit", float() if 0 < value <= 1:
            return str(value)
        case "concurrency" | "cpus" | "queue_limit", _:
            return as_number(value)
        case "trust_remote_code" | "default", _:
            return as_boolean(value)
        case "publish", int() | str() if port := re.fullmatch(r"(?:(\d+(?:\.\d+){3}):)?(\d{2,5})(?::\d+)?", str(value)):
            return f'"{port[1] or "127.0.0.1"}:{port[2]}"'
        case "publish", [first, *_]:
            return converted(key, first, tables)
        case "env", _:
            return _as_env(value)
        case "loras", _:
            return _as_loras(value)
        case "args", dict():
            return as_toml(value)
        case "gpus", _:
            return as_gpus(value, tables)
        case "device", int() | str() if re.fullmatch(r"\d{1,3}|(?:GPU|MIG)-\S+|/dev/\S+|\S+=\S+", str(value)):
            return json.dumps(str(value))
        case "aliases" | "include" | "exclude" | "models" | "allowed_hosts" | "allowed_origins", str() | list():
            items = [value] if isinstance(value, str) else value
            return as_toml(items) if items and all(isinstance(item, str) for item in items) else ""
        case _:
            return ""


def _as_duration(value: Any) -> str:  # noqa: ANN401
    from modelgen.config.units import parse_duration  # with pydantic, which most callers of this module do not need

    text = f"{value}s" if re.fullmatch(r"\d+", str(value)) else value
    try:
        parse_duration(text)
    except ValueError:
        return ""
    return json.dumps(text)


def as_memory(value: Any, *, is_share_allowed: bool) -> str:  # noqa: ANN401
    """Return a size or a share, such as `"14G"` or `"50%"`, as TOML; empty if it cannot be one."""
    if isinstance(value, bool):
        return ""
    if isinstance(value, int | float) and 1 < value < _GIB_LIMIT:
        return f'"{value}GiB"'
    if is_share_allowed and isinstance(value, float) and 0 < value <= 1:
        return str(value)
    if not isinstance(value, str):
        return ""
    if is_share_allowed and (percent := re.fullmatch(r"([1-9]\d?|100) ?%", value.strip())):
        return str(int(percent[1]) / 100)
    from modelgen.config.units import parse_size

    text = value.strip()
    if size := re.fullmatch(r"(\d+(?:\.\d+)?) ?(?:([KMGT])(i?b)?)?", text, re.IGNORECASE | re.ASCII):
        is_decimal = (size[3] or "").lower() == "b"
        unit = f"{size[2].upper()}{'' if is_decimal else 'i'}B" if size[2] else "GiB"
        text = f"{size[1]}{unit}"
        if not size[2] and not 1 < float(size[1]) < _GIB_LIMIT:
            return ""
    try:
        parse_size(text)
    except ValueError:
        return ""
    return json.dumps(text)


def as_number(value: Any) -> str:  # noqa: ANN401
    """Return a positive number that is a number or digits in quotes, as TOML; empty for anything else."""
    text = str(value).strip()
    is_number = isinstance(value, int | float | str) and re.fullmatch(r"[1-9]\d{0,8}|\d{1,5}\.\d{1,3}", text, re.ASCII)
    return text if is_number else ""


def as_boolean(value: Any) -> str:  # noqa: ANN401
    """Return a boolean, also one as in `"yes"` or `0`, as TOML; empty for anything else."""
    if isinstance(value, bool):
        return json.dumps(value)
    word = str(value).strip().lower() if isinstance(value, str | int) else ""
    return next((meant for meant in VALUES.get(word, ()) if meant in ("true", "false")), "")


def _as_env(value: Any) -> str:  # noqa: ANN401
    if isinstance(value, list) and value and all(isinstance(item, str) and "=" in item for item in value):
        value = dict(item.split("=", 1) for item in value)
    if not isinstance(value, dict) or not value or not all(isinstance(item, str | int) for item in value.values()):
        return ""
    return as_toml({key: item if isinstance(item, str) else json.dumps(item) for key, item in value.items()})


def _as_loras(value: Any) -> str:  # noqa: ANN401
    items = [value] if isinstance(value, str) else value
    if isinstance(items, list) and items and all(isinstance(item, str) for item in items):
        items = {
            name or repo.rpartition("/")[2]: repo
            for name, _, repo in (item.rpartition("=") for item in items)
        }  # fmt: skip
    if not isinstance(items, dict) or not items:
        return ""
    is_repo = all(isinstance(repo, str) and re.fullmatch(_TEXTS["repo"], repo) for repo in items.values())
    return as_toml(items) if is_repo else ""


def as_gpus(value: Any, tables: Mapping[str, Any]) -> str:  # noqa: ANN401
    """Return GPUs that are named by index, by number or as `"all"` by the names of their tables."""
    written = tables.get("gpus")
    cards = written if isinstance(written, dict) and written else {"gpu0": {"device": "0"}}
    by_device = {str(card.get("device")): name for name, card in cards.items() if isinstance(card, dict)}
    if isinstance(value, bool):
        return ""
    if value in ("all", "auto", -1, ["all"], ["auto"]):
        return as_toml([*cards])
    if isinstance(value, int) and str(value) not in by_device and 0 < value <= len(cards):
        return as_toml([*cards][:value])
    items = value.split(",") if isinstance(value, str) else value if isinstance(value, list) else [value]
    named = [by_device.get(str(item).strip(), item) for item in items]
    return as_toml(named) if named and all(isinstance(item, str) for item in named) else ""
