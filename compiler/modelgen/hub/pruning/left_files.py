"""List files in a kept snapshot that no lock needs any more: the form that another loader or release reads.

A file can be downloaded again, and so may go, if the lock leaves it out on purpose and the listing of the snapshot has
its hash. Any other file in a snapshot may be the only copy, and stays.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from modelgen.hub.cache.following import follow, open_regular
from modelgen.hub.cache.hashing import is_intact
from modelgen.hub.pruning.looking import walk
from modelgen.hub.snapshot.left_out import matches
from modelgen.lockfile.entries import File

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from modelgen.hub.pruning.needed import Needed

_MOST = 64 * 2**20


def left_files(hub: Path, name: str, commit: str, needed: Needed) -> Iterator[str]:
    """Yield the paths of such files below the hub directory.

    Raises:
        OSError: A folder cannot be read.
    """
    patterns = needed.left_out.get((name, commit), ())
    if not patterns:
        return
    listed, folder = _listed(hub, name, commit), f"{name}/snapshots/{commit}"
    for path, _ in walk(hub, folder):
        inside = path.removeprefix(f"{folder}/")
        entry = listed.get(inside)
        if inside in needed.files[name, commit] or not isinstance(entry, dict) or not matches(inside, patterns):
            continue
        if _is_of_repository(hub, name, path, entry):
            yield path


def _is_of_repository(hub: Path, name: str, path: str, entry: dict[str, Any]) -> bool:
    """Return whether a file has the listed content, by the name of its blob, or else by its hash."""
    sha256, blob, size = entry.get("lfs_sha256"), entry.get("blob_id"), entry.get("size")
    landing = follow(hub, path)
    if not landing.is_file or landing.status is None or landing.status.st_size != size:
        return False
    if landing.is_link:
        return landing.parts == (name, "blobs", sha256 or blob)
    file = File(path=path.rpartition("/")[2], size=size, sha256=sha256) if sha256 else None
    file = file or File(path=path.rpartition("/")[2], size=size, blob=blob)
    return is_intact(hub.joinpath(*landing.parts), file)


def shorter_listing(hub: Path, name: str, commit: str, gone: set[str]) -> bytes:
    """Return the listing of a snapshot without some files: offline, clients call it incomplete otherwise."""
    folder = f"{name}/snapshots/{commit}/"
    files = {path: entry for path, entry in _listed(hub, name, commit).items() if f"{folder}{path}" not in gone}
    return json.dumps({"format_version": 1, "files": files}, indent=1).encode()


def _listed(hub: Path, name: str, commit: str) -> dict[str, Any]:
    landing = follow(hub, f"{name}/trees/{commit}.json")
    if not landing.is_file:
        return {}
    try:
        with open_regular(hub.joinpath(*landing.parts)) as file:
            read: Any = json.loads(file.read(_MOST))
    except (ValueError, RecursionError):
        return {}
    is_known = isinstance(read, dict) and read.get("format_version") == 1 and isinstance(read.get("files"), dict)
    return dict(read["files"]) if is_known else {}
