"""Set modes in a hub directory: readable by all users, writable by the group where its folder is.

The container's user is not the one that fetched. A folder that a group shares (2775) passes write access on to what is
created in it, so that the next member of the group can continue. Many file systems have no modes of their own (vfat,
exFAT, CIFS, drvfs): chmod fails there or does nothing, so the mode is checked afterwards.
"""

from __future__ import annotations

import contextlib
import os
import stat
import sys
from typing import TYPE_CHECKING

from modelgen import shortfalls
from modelgen.hub.cache.mounts import how_to_open
from modelgen.lockfile.repos import ASSETS

if TYPE_CHECKING:
    from pathlib import Path

_FILE, _FOLDER = 0o644, 0o755


def open_up(path: Path) -> None:
    """Set the mode of a file or folder that this process created, whatever the umask.

    If that is refused, the mode stays, which is noted if others cannot read the file then.
    """
    now = path.stat().st_mode
    group = stat.S_IWGRP if is_for_group(path.parent) else 0
    # The kernel passes the setgid bit on to folders; chmod would remove it.
    wanted = _FOLDER | group | now & stat.S_ISGID if stat.S_ISDIR(now) else _FILE | group
    if missing_bits(_changed(path, now, wanted)):
        note_closed(path)


def widen(path: Path, descriptor: int) -> None:
    """Set the mode of an open existing file, without removing any right."""
    now = os.fstat(descriptor).st_mode
    wanted = stat.S_IMODE(now) | (0o555 if stat.S_ISDIR(now) else 0o444)
    if stat.S_ISDIR(now) and is_for_group(path.parent):
        wanted |= stat.S_IWGRP
    if missing_bits(_changed(descriptor, now, wanted)):
        note_closed(path)


def _changed(target: Path | int, now: int, wanted: int) -> int:
    """Change a mode, and return the mode afterwards, whatever the file system did."""
    if stat.S_IMODE(now) == wanted:
        return now
    with contextlib.suppress(OSError):
        os.chmod(target, wanted)  # noqa: PTH101 - of a descriptor too
    return os.stat(target).st_mode  # noqa: PTH116 - the same


def missing_bits(mode: int) -> int:
    """Return the missing mode bits for others to read a file or folder."""
    if sys.platform == "win32":
        return 0
    return (0o005 if stat.S_ISDIR(mode) else 0o004) & ~mode


def note_closed(path: Path) -> None:
    """Note that others cannot read a path, unless only modelgen and the client read it.

    If the hub directory itself is closed, that is noted first, since engines need it for all paths.
    """
    is_locks = ".locks" in path.parts and ASSETS not in path.as_posix()
    inside = (one for one in (*reversed(path.parents), path) if one.name == ".locks" or one.name.startswith("models--"))
    hub = next((one.parent for one in inside), None)
    if hub is not None and missing_bits(hub.stat().st_mode):
        path = hub
    elif is_locks:
        return
    mode = stat.S_IMODE(path.stat().st_mode)
    shortfalls.note(
        "mode", f"{path} keeps mode {mode:04o}, so the container's user cannot read it: {how_to_open(path)}"
    )


def is_for_group(folder: Path) -> bool:
    """Return whether the group of a folder may write to it; False for folders like /tmp, where all may."""
    if sys.platform == "win32":
        return False
    while not folder.is_dir() and folder != folder.parent:
        folder = folder.parent
    mode = folder.stat().st_mode
    is_public = bool(mode & stat.S_ISVTX and mode & stat.S_IWOTH)
    return bool(mode & stat.S_IWGRP) and not is_public


def umask_for(hub: Path) -> int:
    """Return the umask for the official client."""
    return 0o002 if is_for_group(hub) else 0o022
