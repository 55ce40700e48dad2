"""Check the spelling of the keys of `args`."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from modelgen.resolve.arguments import Argument

_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_-]*(?:\.[A-Za-z0-9_.-]+)?\+?")


def is_flag_name(key: str) -> bool:
    """Return whether a key can be a flag, perhaps with a path in JSON behind it."""
    return _NAME.fullmatch(key) is not None


def is_negative(key: str) -> bool:
    """Return whether a key is written with a `no-` before it."""
    return key[:3] in ("no-", "no_")


def abbreviated_owned(arg: Argument) -> str:
    """Return the owned flag that an unknown one is the beginning of, or nothing.

    argparse takes any unique prefix of a flag for the whole, so a prefix of an owned flag must not slip by.
    """
    if arg.is_known or not arg.positive:
        return ""
    names = arg.release.flag_names() if arg.release else arg.catalogue.all_names()
    whole = [flag for flag in {*names, *arg.engine.owned_args} if flag.startswith(arg.positive)]
    return whole[0] if len(whole) == 1 and whole[0] in arg.engine.owned_args else ""
