"""Move files aside that are in the way and may be the user's only copy, instead of deleting them.

A rename within a file system takes no time and no space, whatever the size.
"""

from __future__ import annotations

import itertools
import os
from typing import TYPE_CHECKING

from modelgen.hub.cache.following import follow
from modelgen.hub.cache.holding import make_folder
from modelgen.lockfile.repos import ASIDE

if TYPE_CHECKING:
    from pathlib import Path


def set_aside(hub: Path, path: str) -> None:
    """Clear the place of a locked file: move a file aside, remove a link, which has no content.

    Raises:
        OSError: The hub directory cannot be written.
    """
    target = _real_path(hub, path)
    if target is not None and target.is_symlink():
        target.unlink()
    elif target is not None:
        _move(hub, path, target)


def move_aside(hub: Path, path: str) -> None:
    """Move a file or folder to the same path below `aside/`.

    Raises:
        OSError: The hub directory cannot be written.
    """
    target = _real_path(hub, path)
    if target is not None:
        _move(hub, path, target)


def _real_path(hub: Path, path: str) -> Path | None:
    """Return the real path; None if it does not exist or leads out of the hub directory."""
    folder, _, name = path.rpartition("/")
    landing = follow(hub, folder)
    if landing.fault is not None or not landing.is_folder:
        return None
    target = hub.joinpath(*landing.parts, name)
    return target if os.path.lexists(target) else None


def _move(hub: Path, path: str, target: Path) -> None:
    place = hub / ASIDE / path
    make_folder(place.parent)
    names = itertools.chain([place], (place.with_name(f"{place.name}.{number}") for number in itertools.count(1)))
    target.rename(next(free for free in names if not os.path.lexists(free)))
