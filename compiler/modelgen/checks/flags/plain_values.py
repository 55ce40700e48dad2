"""Compare values with flags that the engine gets as they are written: what is wrong with one, and what to write."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from typing import TYPE_CHECKING

from modelgen.config.familiar_names import VALUES
from modelgen.engines.catalogues import Kind
from modelgen.engines.flags import mismatch
from modelgen.engines.flags.plain import unwritable

if TYPE_CHECKING:
    from collections.abc import Iterable

    from modelgen.resolve.arguments import PlainArgument

_NO = "no-"


def plain_fault(plain: PlainArgument) -> tuple[str, str] | None:
    """Return why the value cannot be passed: the text after "must be", and the remedy. None if it can.

    A flag that the build does not have has no value to check; `unknown-flag` reports it.
    """
    if plain.value is False:
        if not plain.is_known and not plain.may_be_known:
            return None
        if instead := switched(plain):
            choices = plain.flag.choices if plain.flag else ()
            return f"a string: one of {_listed(choices)}" if choices else "true, or left out", instead
    if plain.name in plain.engine.json_flags:
        if isinstance(plain.value, dict):
            return None
        if isinstance(plain.value, str) and not _is_json(plain.value):
            return "JSON", "write a TOML table, or JSON with its names in double quotes"
    return unwritable(plain.value, plain.engine.title, repeats=plain.engine.repeats_flags) or _misfit(plain)


def _is_json(text: str) -> bool:
    try:
        json.loads(text)
    except (ValueError, RecursionError):
        return False
    return True


def _listed(choices: Iterable[str]) -> str:
    return ", ".join(f"`{choice}`" for choice in choices)


def switched(plain: PlainArgument) -> str:
    """Return what to write for a feature that is switched off in a form that this build does not have, or nothing.

    A build has either a value (`flash-attn = "off"`) or a flag of its own (`no-mmap = true`).
    """
    if plain.catalogue is None:
        return ""
    if plain.name.startswith(_NO):
        name = plain.catalogue.canonical(plain.name.removeprefix(_NO))
        return _by_value(plain, name, name) if plain.value is True and not plain.is_known else ""
    if plain.value is not False:
        return ""
    name = plain.catalogue.canonical(plain.name)
    return _by_value(plain, name, plain.key) or _by_flag(plain, _NO + name)


def _by_value(plain: PlainArgument, name: str, key: str) -> str:
    flag = plain.release.get(name) if plain.release else None
    off = next((word for word in ("off", "false") if flag and word in flag.choices), None)
    return f'write `{key} = "{off}"`' if off else ""


def _by_flag(plain: PlainArgument, negative: str) -> str:
    """Return the flag that turns the feature off, if this build has it, or all have it where it is not known."""
    if plain.catalogue is None or negative in plain.engine.owned_args:
        return ""
    lives = plain.catalogue.lives(negative)
    has_it = (
        plain.release.get(negative) is not None
        if plain.release
        else bool(lives) and lives[0] == (plain.catalogue.names[0], None)
    )
    return f"write `{negative} = true`" if has_it else ""


def _misfit(plain: PlainArgument) -> tuple[str, str] | None:
    """Return what the flag accepts, and what to write, if the value does not fit; None if it does."""
    flag, value = plain.flag, plain.value
    if flag is None or (value is True and flag.optional):
        return None
    if flag.kind is Kind.FLAG:
        is_on = str(value).lower() in ("on", "1", "yes", "true")
        help_text = f"write `{plain.key} = true`" if is_on else "it takes no value: write true, or leave it out"
        return None if value is True else ("true, or left out", help_text)
    expected = mismatch(replace(flag, choices=()), value) if value is True else mismatch(flag, value)
    if expected is None or (plain.may_be_known and value is not True and flag.choices):
        return None
    if flag.choices:
        expected = f"one of {_listed(flag.choices)}"
    written = str(value).lower()
    choice = next((one for one in (*VALUES.get(written, ()), written) if one in flag.choices), None)
    choice = "on" if choice in (None, "true") and written in ("true", "yes") and "on" in flag.choices else choice
    choice = "off" if choice in (None, "false") and written == "no" and "off" in flag.choices else choice
    if choice:
        return expected, f'write `{plain.key} = "{choice}"`'
    if flag.kind is Kind.INT and (found := re.fullmatch(r"([1-9]\d{0,8})\s*[kK]i?", str(value), re.ASCII)):
        return expected, f"write `{plain.key} = {int(found[1]) * 1024}`"
    if flag.kind is Kind.INT and written == "all":
        return expected, f"write `{plain.key} = 999`: more than there are is all"
    if longer := [one for one in flag.choices if one.startswith(f"{written}-")]:
        return expected, f'write `{plain.key} = "{longer[0]}"`'
    from difflib import get_close_matches

    # Choices are as short as `q8_0`, where `did_you_mean` would want each part to be near.
    near = get_close_matches(written, flag.choices, n=1, cutoff=0.6)
    return expected, f'write `{plain.key} = "{near[0]}"`' if near else _later(plain, written)


def _later(plain: PlainArgument, value: str) -> str:
    """Return the first release that accepts a value; empty if none does, or if it is older."""
    if plain.catalogue is None or plain.release is None or plain.flag is None:
        return ""
    first = next((name for name, known in plain.catalogue.values(plain.flag.name) if value in known), None)
    is_later = first is not None and plain.catalogue.position(first) > plain.release.at
    return f"`{value}` appeared in {first}" if is_later else ""
