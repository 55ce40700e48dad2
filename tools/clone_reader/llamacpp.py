"""Read the flags of llama.cpp's server from common/arg.cpp.

Each flag is a call, `add_opt(common_arg({"-c", "--ctx-size"}, "N", help, handler).set_env("LLAMA_ARG_CTX_SIZE"))`. The
parameters of the handler are the kind of the value. What the handler compares the value with are the choices, if it
refuses every other value.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from argparse_reader.catalogue_format import Flag

if TYPE_CHECKING:
    from collections.abc import Iterator

_NAMES = re.compile(r"\s*common_arg\(\s*\{([^{}]*)\}\s*,(?:\s*\{([^{}]*)\}\s*,)?")
_HANDLER = re.compile(r"\[\]\s*\(\s*(?:const\s+)?common_params\s*&[^,)]*(?:,\s*(?:const\s+)?([\w:]+)([^)]*))?\)")
_TEXT = re.compile(r'"((?:[^"\\]|\\.)*)"')
_EXAMPLES = re.compile(r"\.set_examples\(\s*\{([^}]*)\}")
_EXCLUDES = re.compile(r"\.set_excludes\(\s*\{([^}]*)\}")
_COMPARED = re.compile(r'\b(?:value|arg_next)\s*\)?\s*==\s*"([^"]+)"')
# What common_arg_utils accepts as yes, no and automatic, in this order.
_WORDS = {
    "is_truthy": ("on", "enabled", "true", "1"),
    "is_falsey": ("off", "disabled", "false", "0"),
    "is_autoy": ("auto", "-1"),
}
# common_reasoning_format_from_name in common/chat.cpp, which refuses every other value.
_REASONING_FORMATS = ["none", "auto", "deepseek", "deepseek-legacy"]
_CACHE_TYPES = re.compile(r"kv_cache_types\s*=\s*\{([^}]*)\}")
_SKIPPED = re.compile(r'"(?:[^"\\\n]|\\.)*"|\'(?:[^\'\\\n]|\\.)*\'|//[^\n]*|/\*.*?\*/', re.DOTALL)


def read(text: str) -> list[Flag]:
    """Return the flags of the server.

    Args:
        text: The text of common/arg.cpp.
    """
    found = _CACHE_TYPES.search(text)
    cache_types = [name.lower() for name in re.findall(r"GGML_TYPE_(\w+)", found[1])] if found else []
    flags: dict[str, Flag] = {}
    for call in _calls(text):
        for flag in _flags(call, cache_types):
            flags.setdefault(flag.name, flag)
    return list(flags.values())


def _calls(text: str) -> Iterator[str]:
    """Yield what is between the parentheses of each `add_opt(…)`; those in texts and comments do not count."""
    blank = _SKIPPED.sub(lambda found: " " * len(found[0]), text)
    for start in (found.end() for found in re.finditer(r"\badd_opt\(", blank)):
        depth, end = 1, start
        while depth:
            depth += {"(": 1, ")": -1}.get(blank[end], 0)
            end += 1
        yield text[start : end - 1]


def _flags(call: str, cache_types: list[str]) -> Iterator[Flag]:
    named, handler = _NAMES.match(call), _HANDLER.search(call)
    if named is None or handler is None or not _is_for_server(call):
        return
    kind, choices = _kind(handler, call[handler.end() :], cache_types)
    env = re.search(r'\.set_env\(\s*"(\w+)"', call)
    extras: dict[str, Any] = {"choices": choices, "env": [env[1]] if env else []}
    for group in (named[1], named[2]):
        spelled = _TEXT.findall(group or "")
        if spelled:
            names = [one.lstrip("-") for one in sorted(spelled, key=lambda one: not one.startswith("--"))]
            name = names[0]
            aliases = [one for one in names if one != name]
            written = {"choices": extras["choices"], "aliases": aliases, "env": extras["env"]}
            yield Flag(name, kind, {key: value for key, value in written.items() if value})
        extras["env"] = []  # the variable has the value of the positive form


def _is_for_server(call: str) -> bool:
    examples, excludes = _EXAMPLES.search(call), _EXCLUDES.search(call)
    is_in = examples is None or bool(re.search(r"EXAMPLE_(?:SERVER|COMMON)\b", examples[1]))
    is_out = excludes is not None and "EXAMPLE_SERVER" in excludes[1]
    return is_in and not is_out and "set_preset_only" not in call


def _kind(handler: re.Match[str], body: str, cache_types: list[str]) -> tuple[str, list[str]]:
    if handler[1] is None or handler[1] == "bool":
        return "flag", []
    if handler[1] == "int":
        return "int", []
    if "," in handler[2]:
        return "text", []
    words = [word for name, accepted in _WORDS.items() if f"{name}(value)" in body for word in accepted]
    words += [word for word in _COMPARED.findall(body) if word not in words]
    if "common_reasoning_format_from_name(value)" in body:
        return "text", _REASONING_FORMATS
    if "kv_cache_type_from_str(value)" in body:
        words = cache_types
    if not words:
        is_number, is_whole = "std::stof(value)" in body, re.search(r"std::sto(?:i|u?ll?)\(value\)", body)
        return ("number" if is_number else "int" if is_whole else "text"), []
    is_open = re.search(r"std::sto\w+\(value|std::ifstream", body) is not None or "throw" not in body
    return "text", words if not is_open or words is cache_types else []
