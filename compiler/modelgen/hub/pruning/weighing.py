"""Compute how many bytes of disk space become free."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from modelgen.hub.pruning.looking import disk_bytes, walk

if TYPE_CHECKING:
    import os
    from pathlib import Path

    from modelgen.hub.pruning.things import Thing


def weigh(hub: Path, things: list[Thing]) -> list[Thing]:
    """Return things with the bytes that they free; a content with several names counts once, if all are removed."""
    inside = []
    for thing in things:
        paths = [*thing.files, *(path for folder in thing.folders for path, _ in walk(hub, folder))]
        inside.append([status for path in dict.fromkeys(paths) if (status := _status(hub, path)) is not None])
    names: dict[tuple[int, int], int] = {}
    for statuses in inside:
        for status in statuses:
            key = (status.st_dev, status.st_ino)
            names[key] = names.get(key, 0) + 1
    weighed = []
    for thing, statuses in zip(things, inside, strict=True):
        size = 0
        for status in statuses:
            if names.pop((status.st_dev, status.st_ino), 0) >= status.st_nlink:
                size += disk_bytes(status)
        weighed.append(replace(thing, bytes=size))
    return weighed


def _status(hub: Path, path: str) -> os.stat_result | None:
    try:
        return (hub / path).lstat()
    except OSError:
        return None
