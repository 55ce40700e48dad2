"""Find the owner and the file system of a path, to say why this process cannot change it."""

from __future__ import annotations

import os
import re
import shlex
import stat
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from modelgen.files import ModelgenError
from modelgen.mount_options import options_that_open

if TYPE_CHECKING:
    from collections.abc import Iterable

_MOUNTS = Path("/proc/self/mountinfo")
_EFFECTIVE = os.access in os.supports_effective_ids
_ESCAPED = re.compile(r"\\([0-7]{3})")


def how_to_open(path: Path) -> str:
    """Return how to let others read a path whose mode this process cannot change."""
    if (owner := owner_of(path)) is not None:
        return f"it belongs to {owner}; let that user run `chmod a+rX {shlex.quote(str(path))}`"
    mount, kind = mount_of(path)
    if (options := options_that_open(kind)) is not None:
        return f"mount {mount} ({kind}) with the options `{options}`"
    where = f"the file system of {mount} ({kind})" if kind else "its file system"
    return f"{where} has no modes; mount it readable for all, or move the hub directory to another one"


def how_to_read(path: Path, top: Path | None = None) -> str:
    """Return how to let this process read a path.

    Args:
        path: The path.
        top: The folder to open, if more in it is closed.
    """
    place = shlex.quote(str(top or path))
    if (owner := owner_of(path)) is not None:
        return f"it belongs to {owner}; let that user run `chmod -R a+rX {place}`"
    return f"run `chmod -R u+rX {place}`"


def refuse_unwritable(hub: Path, folders: Iterable[Path]) -> None:
    """Refuse folders in which this user cannot create files, before any change.

    Args:
        hub: The hub directory.
        folders: Folders in it; missing ones are ignored.

    Raises:
        ModelgenError: There is such a folder.
    """
    if sys.platform == "win32":
        return
    while not hub.exists():
        hub = hub.parent
    for folder in [hub, *folders]:
        if folder.is_dir() and not os.access(folder, os.W_OK | os.X_OK, effective_ids=_EFFECTIVE):
            raise ModelgenError(f"cannot write {folder}: {_why_unwritable(hub, folder)}")


def _why_unwritable(hub: Path, folder: Path) -> str:
    if sys.platform != "win32" and os.statvfs(folder).f_flag & os.ST_RDONLY:
        return "read-only file system; mount it for writing, or set another directory in `[project] hub`"
    top = folder
    while top != hub and top.parent.stat().st_uid == folder.stat().st_uid:
        top = top.parent
    place, owner = shlex.quote(str(top)), owner_of(folder)
    if owner is None:
        return f"its mode is {stat.S_IMODE(folder.stat().st_mode):04o}; run `chmod -R u+rwX {place}`"
    return (
        f"it belongs to {owner}; run this as {owner}, or let {owner} share it with a group that both are in: "
        f"`chgrp -R GROUP {place}; chmod -R g+rwX {place}; find {place} -type d -exec chmod g+s {{}} +`"
    )


def owner_of(path: Path) -> str | None:
    """Return the owner of a path, if that user can change its mode and this one cannot."""
    if sys.platform == "win32":
        return None
    import pwd

    owner = path.stat().st_uid
    if os.geteuid() in (0, owner):
        return None
    try:
        return pwd.getpwuid(owner).pw_name
    except KeyError:
        return f"user {owner}"


def mount_of(path: Path) -> tuple[str, str]:
    """Return the mount point of a path's file system, and its kind; empty strings if unknown."""
    try:
        lines = _MOUNTS.read_text(errors="surrogateescape").splitlines()
    except OSError:
        return "", ""
    found, whole = ("", ""), path.resolve()
    for line in lines:
        fields = line.split()
        place = _ESCAPED.sub(lambda octal: chr(int(octal[1], 8)), fields[4])
        if whole.is_relative_to(place) and len(place) >= len(found[0]):
            found = place, fields[fields.index("-") + 1]
    return found
