"""Check values of flags, and format them for a command line."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

from modelgen.engines.catalogues import Kind

if TYPE_CHECKING:
    from collections.abc import Iterable

    from modelgen.engines.catalogues import Flag

# vLLM's human_readable_int: 4k is 4,000 and 4K is 4,096. Only decimal suffixes accept a fraction.
_LENGTH = re.compile(r"\d{1,18}|\d{1,9}(?:\.\d{1,9})?[kmgt]|\d{1,9}[KMGT]", re.ASCII)
# SGLang's function of the same name has the suffixes of SI and IEC.
_IEC_LENGTH = re.compile(r"-?\d{1,18}|\d{1,9}(?:\.\d{1,9})?[kMGT]|\d{1,9}[KMGT]i", re.ASCII)
_BRACES = re.compile(r"\s*\{.*\}\s*", re.DOTALL)
_INTEGER = re.compile(r"-?\d{1,18}", re.ASCII)
_NUMBER = re.compile(r"-?(?:\d{1,18}(?:\.\d{0,18})?|\.\d{1,18})(?:[eE][+-]?\d{1,3})?", re.ASCII)
_PAIR_KINDS = (Kind.BOOL, Kind.FLAG, Kind.TRUTHY)
_EXPECTED = {
    Kind.INT: "a whole number",
    Kind.LENGTH: 'a whole number such as 16384, or "16k"',
    Kind.IEC_LENGTH: 'a whole number such as 16384, or "16k" or "16Ki"',
    Kind.NUMBER: "a number",
    Kind.TEXT: "a string that is not empty",
    Kind.JSON: "a table, or a string of JSON",
    Kind.JSON_OR_TEXT: "a table, or a string that is not in braces unless it is JSON",
}


def text_of(value: Any) -> str:  # noqa: ANN401 - whatever TOML holds
    """Return a value as one argument: strings unchanged, other values as JSON."""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def table_in(text: Any) -> dict[str, Any] | None:  # noqa: ANN401
    """Return the table in a string of JSON, or None."""
    if not isinstance(text, str) or not text.startswith("{"):
        return None
    try:
        table = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return table if isinstance(table, dict) else None


def mismatch(flag: Flag, value: Any) -> str | None:  # noqa: ANN401
    """Return what a flag accepts if the value does not fit, as text after "must be"; else None."""
    if flag.kind in _PAIR_KINDS:
        return None if isinstance(value, bool) else "true or false"
    if isinstance(value, list) and flag.kind not in (Kind.JSON, Kind.JSON_OR_TEXT):
        if not flag.several:
            return f"one value, not a list: {_EXPECTED[flag.kind]}"
        if not value or any(isinstance(item, str) and item.startswith("-") for item in value):
            return "a list of values that do not begin with a dash, with one at least"
        return next((f"a list, each {found}" for item in value if (found := _mismatch(flag, item))), None)
    expected = _mismatch(flag, value)
    return f"a list, each {expected}" if expected and flag.several else expected


def _mismatch(flag: Flag, value: Any) -> str | None:  # noqa: ANN401
    if flag.choices:
        shown = ", ".join(f"`{choice}`" for choice in flag.choices)
        return None if text_of(value) in flag.choices else f"one of {shown}"
    if flag.kind is Kind.JSON and flag.lists:
        fits = isinstance(_parsed(value), flag.lists)
        only_list = 'a list such as ["*"], or a string of JSON'
        return None if fits else only_list if flag.lists == (list,) else "a table, a list, or a string of JSON"
    return None if _fits(flag.kind, value) else _EXPECTED[flag.kind]


def _fits(kind: Kind, value: Any) -> bool:  # noqa: ANN401
    if kind in (Kind.JSON, Kind.JSON_OR_TEXT):
        # Where vLLM accepts both, it reads text in braces as JSON and all other text as text (union_dict_and_str).
        is_text = kind is Kind.JSON_OR_TEXT and isinstance(value, str) and not _BRACES.fullmatch(value)
        return is_text or isinstance(_parsed(value), dict)
    if isinstance(value, bool):
        return False
    match kind:
        case Kind.TEXT:
            return isinstance(value, int | float) or (isinstance(value, str) and value != "")
        case Kind.INT:
            return isinstance(value, int) or (isinstance(value, str) and _INTEGER.fullmatch(value) is not None)
        case Kind.LENGTH | Kind.IEC_LENGTH:
            text = str(value) if isinstance(value, int | str) else ""
            return (_LENGTH if kind is Kind.LENGTH else _IEC_LENGTH).fullmatch(text) is not None
        case _:
            return isinstance(value, int | float) or (isinstance(value, str) and _NUMBER.fullmatch(value) is not None)


def _no_number(name: str) -> None:
    raise ValueError(f"JSON has no {name}")


def _parsed(value: Any) -> Any:  # noqa: ANN401
    """Return the value in a string of JSON, or None if it is invalid; other values unchanged."""
    if not isinstance(value, str):
        return value
    try:
        return json.loads(value, parse_constant=_no_number)
    except (ValueError, RecursionError):
        return None


def is_unlisted(flag: Flag, value: Any) -> bool:  # noqa: ANN401
    """Return whether a release does not list a value among those that it provides itself; plugins may add it.

    Values are compared as text, ignoring case: `block-size` is a number, and backends are written in both cases.
    """
    if not flag.known or not isinstance(value, str | int | float):
        return False
    return text_of(value).lower() not in {known.lower() for known in flag.known}


def format_flag(name: str, flag: Flag | None, value: Any) -> list[str]:  # noqa: ANN401
    """Return the arguments for one entry of `args`. Flag and value are two items, since Compose never splits one.

    Args:
        name: Canonical name, possibly with a path in JSON (`compilation-config.mode`).
        flag: The flag in this release; None if the data does not have it.
        value: The value as loaded.
    """
    if "." not in name:
        if isinstance(value, bool) and (flag is None or flag.kind in _PAIR_KINDS):
            return _format_bool(name, flag, value=value)
        if isinstance(value, list) and (flag.several if flag else not _holds_tables(value)):
            if flag and flag.repeated:
                return [text for item in value for text in (f"--{name}", text_of(item))]
            return [f"--{name}", *map(text_of, value)]
    text = text_of(value)
    # argparse takes a value that begins with a hyphen for the next flag.
    return [f"--{name}={text}"] if text.startswith("-") and isinstance(value, str) else [f"--{name}", text]


def _format_bool(name: str, flag: Flag | None, *, value: bool) -> list[str]:
    """Return a boolean flag. One without a `--no-` form is omitted to mean false."""
    if flag is not None and flag.kind is Kind.TRUTHY:
        return [f"--{name}", "True"] if value else []
    if value:
        return [f"--{name}"]
    return [] if flag is not None and flag.kind is Kind.FLAG else [f"--no-{name}"]


def _holds_tables(values: Iterable[Any]) -> bool:
    return any(isinstance(item, dict | list) for item in values)


def as_number(value: Any) -> float | None:  # noqa: ANN401 - whatever TOML holds
    """Return a number, which may be written as a string, or None."""
    if isinstance(value, str) and _NUMBER.fullmatch(value):
        return float(value)
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None


def token_count(value: Any, *, iec: bool) -> int | None:  # noqa: ANN401 - whatever TOML holds
    """Return the tokens of a length such as 16384 or "16k", or None.

    Args:
        value: The value as written.
        iec: Whether `Ki` is 1,024 and `K` is invalid, as in SGLang. In vLLM, `K` is 1,024. `k` is 1,000 in both.
    """
    text = str(value) if isinstance(value, int | str) and not isinstance(value, bool) else ""
    if not (_IEC_LENGTH if iec else _LENGTH).fullmatch(text):
        return None
    number, suffix = text.rstrip("kmgtKMGTi"), text.lstrip("-.0123456789")
    is_binary = suffix.endswith("i") if iec else suffix.isupper()
    power = "kmgt".find(suffix[:1].lower()) + 1 if suffix else 0
    return int(float(number) * (1024 if is_binary else 1000) ** power) if suffix else int(number)


def whole_number(value: Any) -> int | None:  # noqa: ANN401 - whatever TOML holds
    """Return a whole number of at least 1, which may be written as a string, or None."""
    if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) < 10:
        value = int(value)
    return value if isinstance(value, int) and not isinstance(value, bool) and value >= 1 else None
