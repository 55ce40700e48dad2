"""Read the flags of TEI from router/src/main.rs, and the types of models from backends/candle/src/lib.rs.

The flags are the fields of a struct that clap derives a parser from, the types are the variants of an enumeration that
serde selects by the `model_type` of config.json.
"""

from __future__ import annotations

import re
from typing import Any

from argparse_reader.catalogue_format import Flag

_STRUCT = re.compile(r"\nstruct Args \{\n(.*?)\n\}", re.DOTALL)
_FIELD = re.compile(r"#\[clap\(([^]]*)\)\](?:\s*#\[[^]]*\])*\s*(\w+): ([\w:<>]+),")
_CONFIG = re.compile(r"\nenum Config \{\n(.*?)\n\}", re.DOTALL)
_VARIANT = re.compile(r"((?:#\[[^]]*\]\s*)*)\b([A-Z]\w*)\(\w+\),")
_RENAMED = re.compile(r'rename(?:\(deserialize = | = )"([^"]+)"')
_ALIAS = re.compile(r'alias = "([^"]+)"')
_KINDS = {"usize": "int", "u16": "int", "u32": "int", "f32": "number", "String": "text"}


def read(main: str, enums: str) -> list[Flag]:
    """Return the flags of a release.

    Args:
        main: The text of router/src/main.rs.
        enums: The text of the files that define the enumerations among the types.
    """
    struct = _STRUCT.search(main)
    assert struct is not None, "router/src/main.rs has no struct Args"  # noqa: S101 - shown to who adds a release
    fields = re.sub(r"(?m)^\s*//.*\n", "", struct[1])
    return [_flag(attributes, name, kind, enums) for attributes, name, kind in _FIELD.findall(fields)]


def read_types(candle: str) -> set[str]:
    """Return each `model_type` of config.json that a release serves on NVIDIA GPUs.

    Args:
        candle: The text of backends/candle/src/lib.rs.
    """
    config = _CONFIG.search(candle)
    assert config is not None, "backends/candle/src/lib.rs has no enum Config"  # noqa: S101 - as in `read`
    types: set[str] = set()
    for attributes, name in _VARIANT.findall(re.sub(r"//.*", "", config[1])):
        renamed = _RENAMED.search(attributes)
        types |= {renamed[1] if renamed else _kebab(name), *_ALIAS.findall(attributes)}
    return types


def _flag(attributes: str, field: str, written: str, enums: str) -> Flag:
    inner = re.sub(r"^Option<(.*)>$", r"\1", written)
    listed = inner.startswith("Vec<")
    inner = re.sub(r"^Vec<(.*)>$", r"\1", inner).split("::")[-1]
    choices: list[str] = []
    if inner == "bool":
        kind = "text" if "num_args" in attributes else "flag"
        choices = ["true", "false"] if kind == "text" else []
    elif inner in _KINDS:
        kind = _KINDS[inner]
    else:
        kind, choices = "text", _variants(inner, enums)
    extras: dict[str, Any] = {
        "choices": choices,
        "nargs": "?" if "num_args" in attributes else None,
        "repeated": True if listed else None,
        "aliases": [field[0]] if re.search(r"\bshort\b", attributes) else [],
        "env": [field.upper()] if re.search(r"\benv\b", attributes) else [],
    }
    return Flag(field.replace("_", "-"), kind, {key: value for key, value in extras.items() if value})


def _variants(name: str, enums: str) -> list[str]:
    """Return the values of an enumeration as clap names them: `LastToken` is `last-token`."""
    found = re.search(rf"pub enum {name} \{{\n(.*?)\n\}}", enums, re.DOTALL)
    body = re.sub(r"(?m)^\s*//.*$|#\[[^]]*\]", "", found[1]) if found else ""
    return [_kebab(one) for one in re.findall(r"(?m)^\s*([A-Z]\w*),", body)]


def _kebab(name: str) -> str:
    return re.sub(r"(?<!^)(?=[A-Z])", "-", name).lower()
