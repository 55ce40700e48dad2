"""Mount files that arguments name, and translate their paths to the container's."""

from __future__ import annotations

import posixpath
import re
from typing import TYPE_CHECKING, Any

from modelgen.engines.flags import table_in
from modelgen.engines.images.places import FILES
from modelgen.host_paths import host_path
from modelgen.ir import Mount

if TYPE_CHECKING:
    from collections.abc import Mapping

# An adapter in SGLang's `lora-paths`: `sql=./adapters/sql`.
_NAMED = re.compile(r"([\w.-]+=)(\.{1,2}[/\\].*)", re.DOTALL)
_RELATIVE = re.compile(r"\.{1,2}[/\\].*", re.DOTALL)


def place_files(args: Mapping[str, Any], host_root: str | None) -> tuple[dict[str, Any], tuple[Mount, ...]]:
    """Return the arguments with every relative path replaced, and the mounts for the new paths.

    A relative path begins with `./` or `../`; anything else is a name in the image or other text. Paths may be in lists
    and in tables that become JSON.

    Args:
        args: Flags by canonical name.
        host_root: Folder of models.toml, for an engine on the host; None for a container, where files are mounted.
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
        if host_root is not None:
            return host_path(value, host_root)
        source = host_path(value)
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
    """Return a mount target. Files of the same name from two folders get different ones."""
    folder = f"{FILES}/{flag}"
    name = posixpath.basename(source.rstrip("/"))
    name = name if name not in ("", ".", "..") else "files"
    target, number = f"{folder}/{name}", 2
    while target in mounts and mounts[target].source != source:
        target, number = f"{folder}/{number}/{name}", number + 1
    return target
