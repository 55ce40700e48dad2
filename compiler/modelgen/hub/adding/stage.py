"""Stage the user's files on the hub's file system: as reflinks, else as copies.

Not as hard links: an edit of the user's file would change the model behind its hash.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING

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
        is_clone: It is a reflink; a copy is still to be made.
    """

    source: Source
    path: Path
    is_clone: bool


def clone(sources: Mapping[str, Source], folder: Path) -> dict[str, Staged]:
    """Clone files where the file system supports it; none is read.

    Args:
        sources: The files by path in the snapshot.
        folder: The folder for staged files.
    """
    return {
        name: Staged(source, path := folder / str(number), _reflink(source.path, path))
        for number, (name, source) in enumerate(sources.items())
    }


def take(staged: Staged, large: bool, advanced: Callable[[int], None]) -> str:  # noqa: FBT001 - what kind of hash
    """Copy the file if needed, and return the hash of the staged file.

    Raises:
        OSError: A file cannot be read or written.
    """
    digest = Digest(None if large else staged.source.size)
    if staged.is_clone:
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
