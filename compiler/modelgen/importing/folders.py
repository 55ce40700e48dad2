"""Find files of a service on the host, and make paths relative to models.toml."""

from __future__ import annotations

import posixpath
import re
from typing import TYPE_CHECKING

from modelgen.checks.foreign.context import holds

if TYPE_CHECKING:
    from modelgen.foreign import Service
    from modelgen.importing.tables import Table

_RELATIVE = re.compile(r"\.{1,2}(?:[/\\]|$)")


def host_path(service: Service, path: str) -> str | None:
    """Return where a path of a service is on the host; None if that is not known."""
    if service.on_host:
        return path
    path = posixpath.normpath(path)
    mount = next((one for one in service.mounts if one.kind == "bind" and one.source and holds(one, path)), None)
    if mount is None or mount.source is None or not mount.source.is_known:
        return None
    below = path.removeprefix(posixpath.normpath(mount.target.text)).strip("/")
    return posixpath.join(mount.source.text, below) if below else mount.source.text


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
