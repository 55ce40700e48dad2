"""Move staged files to their places: to blobs where links work, otherwise into the snapshot."""

from __future__ import annotations

from typing import TYPE_CHECKING

from modelgen.hub.cache import publishing
from modelgen.hub.cache.aside import set_aside
from modelgen.hub.cache.holding import make_folder
from modelgen.lockfile.repos import OWN_FOLDER

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from modelgen.hub.adding.stage import Staged
    from modelgen.hub.cache.layout import Checkout


def can_link(folder: Path) -> bool:
    """Return whether the file system supports symbolic links; without them, clients use plain files in snapshots/."""
    probe = folder / "link"
    try:
        probe.symlink_to("nothing")
    except OSError:
        return False
    probe.unlink()
    return True


def put_blobs(checkout: Checkout, staged: Mapping[str, Staged]) -> None:
    """Move files to the blobs, equal contents once; links are made afterwards."""
    _put(checkout, {checkout.files[path].etag: one for path, one in staged.items()}, checkout.folder / "blobs")


def put_plain(checkout: Checkout, staged: Mapping[str, Staged]) -> None:
    """Move files into a snapshot without links; a new snapshot is moved as a whole, by one rename."""
    if checkout.snapshot.exists():
        _put(checkout, staged, checkout.snapshot)
        return
    whole = checkout.hub / OWN_FOLDER / "adding" / "snapshot"
    make_folder(whole)
    _put(checkout, staged, whole)
    publishing.sync_folders([whole, *(path for path in whole.rglob("*") if path.is_dir())])
    make_folder(checkout.snapshot.parent)
    whole.rename(checkout.snapshot)


def _put(checkout: Checkout, staged: Mapping[str, Staged], folder: Path) -> None:
    """Move staged files to their names in a folder; a file in the way is moved aside first."""
    for name, one in staged.items():
        place = folder / name
        make_folder(place.parent)
        if place.exists():
            set_aside(checkout.hub, place.relative_to(checkout.hub).as_posix())  # edited, and possibly the only copy
        one.path.replace(place)
