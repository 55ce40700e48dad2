"""Walk a hub directory without following links, and resolve links step by step."""

from __future__ import annotations

import os
import stat
from typing import TYPE_CHECKING

from modelgen.hub.cache.following import follow

if TYPE_CHECKING:
    from collections.abc import Container, Iterator
    from pathlib import Path

_MOST_LINKS = 40


def entries(hub: Path, folder: str) -> list[os.DirEntry[str]]:
    """Return the entries of a folder, by name; empty if it is not a folder, or is reached through a link.

    Raises:
        OSError: It cannot be read; its contents decide what is removed elsewhere.
    """
    landing = follow(hub, folder)
    if not landing.is_folder or landing.is_link:
        return []
    with os.scandir(hub.joinpath(*landing.parts)) as found:
        return sorted(found, key=lambda entry: entry.name)


def walk(hub: Path, folder: str, without: Container[str] = ()) -> Iterator[tuple[str, os.DirEntry[str]]]:
    """Yield everything below a folder except folders, by path below the hub directory.

    Args:
        hub: The hub directory.
        folder: The path below it; empty for all of it.
        without: Folders to skip.

    Raises:
        OSError: A folder cannot be read.
    """
    todo = [folder]
    while todo:
        for entry in entries(hub, here := todo.pop()):
            path = f"{here}/{entry.name}".lstrip("/")
            if entry.is_dir(follow_symlinks=False):
                todo += [] if path in without else [path]
            else:
                yield path, entry


def hops(hub: Path, path: str) -> Iterator[str]:
    """Yield the targets of a link, link by link, as resolved paths below the hub directory."""
    for _ in range(_MOST_LINKS):
        folder, _, name = path.rpartition("/")
        parent = follow(hub, folder)
        if not parent.is_folder:
            return
        here = "/".join((*parent.parts, name))
        yield here
        try:
            target = (hub / here).readlink()
        except OSError:
            return
        if target.is_absolute():
            # Broken in a container, but valid on this host: its content must be kept.
            if not target.is_relative_to(hub):
                return
            path = target.relative_to(hub).as_posix()
        else:
            path = "/".join((*parent.parts, *target.as_posix().split("/")))


def disk_bytes(status: os.stat_result) -> int:
    """Return the disk space of a file."""
    if not stat.S_ISREG(status.st_mode):
        return 0
    return int(getattr(status, "st_blocks", 0)) * 512 if hasattr(status, "st_blocks") else status.st_size
