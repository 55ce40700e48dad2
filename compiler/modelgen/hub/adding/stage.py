"""Stage the user's files on the hub's file system: as reflinks, else hard links, else copies."""

from __future__ import annotations

import os
import stat
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from modelgen.files import sync
from modelgen.hub.cache.following import open_regular
from modelgen.hub.cache.hashing import Digest
from modelgen.hub.cache.modes import open_up

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from modelgen.hub.adding.sources import Source

_FICLONE = 0x40049409  # linux/fs.h
_BLOCK = 2**20


@dataclass(frozen=True, slots=True)
class Staged:
    """A staged file.

    Args:
        source: The user's file.
        path: Its staged path, on the file system of the hub directory.
        how: The way it is staged.
        why: Why it can only be copied.
    """

    source: Source
    path: Path
    how: Literal["reflink", "link", "copy"]
    why: str = ""


def share(sources: Mapping[str, Source], folder: Path, *, copies: bool) -> dict[str, Staged]:
    """Stage files without copying where possible; none is read.

    Args:
        sources: The files by path in the snapshot.
        folder: The folder for staged files.
        copies: Copy files that cannot be cloned, instead of hard-linking them.
    """
    staged = {}
    for number, (name, source) in enumerate(sources.items()):
        path = folder / str(number)
        if _reflink(source.path, path):
            staged[name] = Staged(source, path, "reflink")
        elif copies:
            staged[name] = Staged(source, path, "copy")
        elif why := _link(source, path):
            staged[name] = Staged(source, path, "copy", f"{source.path}: {why}")
        else:
            staged[name] = Staged(source, path, "link")
    return staged


def take(staged: Staged, large: bool, advanced: Callable[[int], None]) -> str:  # noqa: FBT001 - what kind of hash
    """Copy the file if needed, and return the hash of the staged file.

    Raises:
        OSError: A file cannot be read or written.
    """
    digest = Digest(None if large else staged.source.size)
    if staged.how != "copy":
        with open_regular(staged.path) as file:
            digest.add_open(file, advanced)
            sync(file.fileno())
        return digest.hex()
    buffer = memoryview(bytearray(_BLOCK))
    with open_regular(staged.source.path) as source, staged.path.open("xb", buffering=0) as copy:
        while count := source.readinto(buffer):
            view = buffer[:count]
            digest.update(view)
            while view:
                view = view[copy.write(view) :]
            advanced(count)
        sync(copy.fileno())
    open_up(staged.path)
    return digest.hex()


def _reflink(source: Path, path: Path) -> bool:
    """Clone a file so that both share their blocks until one is written to; few file systems support it."""
    if sys.platform != "linux":
        return False
    import fcntl

    try:
        with open_regular(source) as file, path.open("xb") as clone:
            fcntl.ioctl(clone.fileno(), _FICLONE, file.fileno())
        open_up(path)
    except OSError:
        path.unlink(missing_ok=True)
        return False
    return True


def _link(source: Source, path: Path) -> str:
    """Create a hard link; return why that failed, or an empty string."""
    if not source.status.st_mode & stat.S_IROTH and sys.platform != "win32":
        # A hard link has the mode of its file, which belongs to the user.
        return "others cannot read it, so the container's user could not read a link to it"
    try:
        os.link(source.path, path, follow_symlinks=False)
    except OSError as error:
        return (error.strerror or str(error)).lower()
    return ""
