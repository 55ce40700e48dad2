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
from modelgen.hub.mounts import how_to_open
from modelgen.lockfile.repos import ASSETS

if TYPE_CHECKING:
    from pathlib import Path

_FILE, _FOLDER = 0o644, 0o755


def open_up(path: Path) -> None:
    """Give a file or a folder that this process made its mode, whatever the umask.

    Where that is refused it stays as it is, which is noted if others cannot read it then.
    """
    now = path.stat().st_mode
    group = stat.S_IWGRP if is_for_group(path.parent) else 0
    # The kernel passes the group's bit on to folders; chmod would take it away.
    wanted = _FOLDER | group | now & stat.S_ISGID if stat.S_ISDIR(now) else _FILE | group
    if lacks(_changed(path, now, wanted)):
        note_closed(path)


def widen(path: Path, descriptor: int) -> None:
    """Do the same for what is there and open, and take nothing away from it."""
    now = os.fstat(descriptor).st_mode
    wanted = stat.S_IMODE(now) | (0o555 if stat.S_ISDIR(now) else 0o444)
    if stat.S_ISDIR(now) and is_for_group(path.parent):
        wanted |= stat.S_IWGRP
    if lacks(_changed(descriptor, now, wanted)):
        note_closed(path)


def _changed(target: Path | int, now: int, wanted: int) -> int:
    """Change a mode, and return what it is afterwards, whatever the file system said or did."""
    if stat.S_IMODE(now) == wanted:
        return now
    with contextlib.suppress(OSError):
        os.chmod(target, wanted)  # noqa: PTH101 - of a descriptor too
    return os.stat(target).st_mode  # noqa: PTH116 - the same


def lacks(mode: int) -> int:
    """Return the bits that others would need to read a file or a folder."""
    if sys.platform == "win32":
        return 0
    return (0o005 if stat.S_ISDIR(mode) else 0o004) & ~mode


def note_closed(path: Path) -> None:
    """Note that something stays closed to others, unless only modelgen and the client read it.

    Where the hub directory itself is closed, that comes first: engines pass it before all else.
    """
    is_locks = ".locks" in path.parts and ASSETS not in path.as_posix()
    inside = (one for one in (*reversed(path.parents), path) if one.name == ".locks" or one.name.startswith("models--"))
    hub = next((one.parent for one in inside), None)
    if hub is not None and lacks(hub.stat().st_mode):
        path = hub
    elif is_locks:
        return
    mode = stat.S_IMODE(path.stat().st_mode)
    shortfalls.note(
        "mode", f"{path} keeps mode {mode:04o}, so the container's user cannot read it: {how_to_open(path)}"
    )


def is_for_group(folder: Path) -> bool:
    """Return whether the group of a folder may write to it; in one like /tmp, where all may, that means nothing."""
    if sys.platform == "win32":
        return False
    while not folder.is_dir() and folder != folder.parent:
        folder = folder.parent
    mode = folder.stat().st_mode
    is_public = bool(mode & stat.S_ISVTX and mode & stat.S_IWOTH)
    return bool(mode & stat.S_IWGRP) and not is_public


def umask_for(hub: Path) -> int:
    """Return the umask for those parts of the official client that make files and folders by it."""
    return 0o002 if is_for_group(hub) else 0o022
