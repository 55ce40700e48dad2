"""Make paths that are relative to the foreign file relative to models.toml."""

from __future__ import annotations

import posixpath
import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from modelgen.importing.tables import Table

_RELATIVE = re.compile(r"\.{1,2}(?:[/\\]|$)")


def rebased(path: str, folder: str) -> str:
    """Return a path relative to models.toml; one that is not relative stays as it is.

    Args:
        path: A path as the foreign file has it.
        folder: The folder of the foreign file, relative to that of models.toml.
    """
    if folder == "." or not _RELATIVE.match(path):
        return path
    found = posixpath.normpath(posixpath.join(folder, path))
    return found if found.startswith(("..", "/")) else f"./{found}"


def rebase(table: Table, folder: str) -> None:
    """Make the paths in a table relative to models.toml."""
    if "build" in table.keys:
        table.keys["build"]["context"] = rebased(table.keys["build"]["context"], folder)
    for at, volume in enumerate(table.compose.get("volumes", ())):
        if isinstance(volume, str):
            source, sign, rest = volume.partition(":")
            table.compose["volumes"][at] = rebased(source, folder) + sign + rest
        elif isinstance(volume.get("source"), str) and volume.get("type") == "bind":
            table.compose["volumes"][at] = {**volume, "source": rebased(volume["source"], folder)}
