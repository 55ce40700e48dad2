"""Mount files that arguments name, and translate their paths to the container's."""

from __future__ import annotations

import posixpath
import re
from typing import TYPE_CHECKING, Any

from modelgen.engines.flag_values import table_in
from modelgen.engines.places import FILES
from modelgen.ir import Mount
from modelgen.lower.paths import from_output

if TYPE_CHECKING:
    from collections.abc import Mapping

# An adapter as SGLang's `lora-paths` takes it: `sql=./adapters/sql`.
_NAMED = re.compile(r"([\w.-]+=)(\.{1,2}[/\\].*)", re.DOTALL)
_RELATIVE = re.compile(r"\.{1,2}[/\\].*", re.DOTALL)


def place_files(
    args: Mapping[str, Any], root_from_out: str, *, mounted: bool
) -> tuple[dict[str, Any], tuple[Mount, ...]]:
    """Return the arguments with every relative path replaced, and the mounts that make it hold.

    A relative path begins with `./` or `../`; anything else is a name inside the image or a text of its own. It may
    stand in a list or inside a table that becomes JSON.

    Args:
        args: By canonical name.
        root_from_out: POSIX path from the output directory to the folder of models.toml.
        mounted: Whether an engine sees them where they are mounted; else where they are.
    """
    mounts: dict[str, Mount] = {}

    def replace(value: Any, flag: str) -> Any:  # noqa: ANN401 - whatever TOML holds
        if isinstance(value, dict):
            return {key: replace(item, flag) for key, item in value.items()}
        if isinstance(value, list):
            return [replace(item, flag) for item in value]
        if isinstance(value, str) and (named := _NAMED.fullmatch(value)):
            return named[1] + replace(named[2], flag)
        if not isinstance(value, str) or not is_relative(value):
            return value
        source = from_output(value, root_from_out)
        if not mounted:
            return source
        target = _free_target(flag, source, mounts)
        mounts[target] = Mount(source, target)
        return target

    def replace_within(value: Any, flag: str) -> Any:  # noqa: ANN401
        table = table_in(value)
        replaced = replace(value if table is None else table, flag)
        return value if replaced == table else replaced

    replaced = {flag: replace_within(value, flag) for flag, value in args.items()}
    return replaced, tuple(mounts.values())


def is_relative(text: str) -> bool:
    r"""Return whether a value is a path beside models.toml: `./x`, `../x`, or Windows' `.\x`."""
    return _RELATIVE.fullmatch(text) is not None


def _free_target(flag: str, source: str, mounts: Mapping[str, Mount]) -> str:
    """Files of one name from two folders must not meet."""
    folder = f"{FILES}/{flag}"
    name = posixpath.basename(source.rstrip("/"))
    name = name if name not in ("", ".", "..") else "files"
    target, number = f"{folder}/{name}", 2
    while target in mounts and mounts[target].source != source:
        target, number = f"{folder}/{number}/{name}", number + 1
    return target
