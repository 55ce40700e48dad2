"""Find the hub directory near a path that is one level off: the folder with the `models--…` folders."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_PREFIX = "models--"
_BELOW = ("hub", "huggingface/hub", "models/hub")
"""The hub cache in the client's home, the client's home in a cache, and the folder of `modelgen init`."""


def folders_near(hub: Path) -> Iterator[Path]:
    """Yield the folders that are confused with a hub directory."""
    yield from (hub / below for below in _BELOW)
    yield hub / hub.name
    yield hub.parent


def find_root(hub: Path) -> Path | None:
    """Return the hub directory that a path means; None if it is one itself, or none is near."""
    if _has_models(hub):
        return None
    found = next((folder for folder in folders_near(hub) if _has_models(folder)), None)
    # Before the first download, the hub directory is empty.
    inside = hub / _BELOW[0]
    return inside if found is None and os.path.isdir(inside) else found  # noqa: PTH112 - Path raises on odd names


def about_root(hub: Path, root: Path) -> str:
    """Return what is wrong with a path whose hub directory is elsewhere."""
    return f"{hub} is not the hub directory: the models--… folders are in {root}"


def written_root(written: str, hub: Path, root: Path) -> str:
    """Return the line of models.toml for the right hub directory, in the form of the written one."""
    plain = written.replace("\\", "/").rstrip("/")
    if root.is_relative_to(hub):
        return f'hub = "{plain}/{root.relative_to(hub).as_posix()}"'
    return f'hub = "{plain.rpartition("/")[0] or "."}"'


def _has_models(folder: Path) -> bool:
    try:
        with os.scandir(folder) as entries:
            return any(entry.name.startswith(_PREFIX) for entry in entries)
    except (OSError, ValueError):
        return False
