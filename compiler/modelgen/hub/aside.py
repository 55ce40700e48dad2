"""What is in the way and may be somebody's own is moved aside, not deleted: an edited config.json has no other copy."""

from __future__ import annotations

import itertools
import os
import stat
from typing import TYPE_CHECKING

from modelgen.hub.following import follow
from modelgen.hub.holding import make_folder
from modelgen.lockfile.repos import ASIDE

if TYPE_CHECKING:
    from pathlib import Path

_LARGE = 100_000_000
"""Bytes from which on a file was not edited by hand, and the room is needed for the right one."""


def set_aside(hub: Path, path: str) -> None:
    """Move a file or folder out of the layout, to the same path below `aside/`; links and large files are removed.

    Nothing is done through a link, nor out of the hub directory.

    Raises:
        OSError: The hub directory cannot be written.
    """
    folder, _, name = path.rpartition("/")
    landing = follow(hub, folder)
    if landing.fault is not None or not landing.is_folder:
        return
    target = hub.joinpath(*landing.parts, name)
    try:
        status = os.lstat(target)
    except OSError:
        return
    is_small_file = stat.S_ISREG(status.st_mode) and 0 < status.st_size < _LARGE
    if not is_small_file and not stat.S_ISDIR(status.st_mode):
        target.unlink(missing_ok=True)
        return
    place = hub / ASIDE / path
    make_folder(place.parent)
    names = itertools.chain([place], (place.with_name(f"{name}.{number}") for number in itertools.count(1)))
    target.rename(next(free for free in names if not os.path.lexists(free)))
