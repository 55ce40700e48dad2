"""Name the command that restores a locked file; the same next steps as those of `modelgen verify`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from modelgen.hub.cache.following import follow
from modelgen.hub.cache.hashing import is_intact
from modelgen.hub.loading.snapshot import Files
from modelgen.hub.snapshot.left_out import matches
from modelgen.lockfile.repos import is_local, repo_folder

if TYPE_CHECKING:
    from pathlib import Path

    from modelgen.lockfile.entries import File, Snapshot

FIX = "run `modelgen verify --fix`"
FETCH = "run `modelgen fetch`"
_NEW = "then run `modelgen lock` and `modelgen fetch`"


def bring(hub: Path, entry: Snapshot, path: str = "") -> str:
    """Return the command that adds missing locked files to a snapshot.

    Args:
        hub: The hub directory.
        entry: The lock's entry of the repository.
        path: A path or a pattern; empty for the whole snapshot.
    """
    if is_local(entry.repo):
        return f"run `modelgen add PATH --as {entry.repo}` again with the original files"
    there = Files(hub, entry.repo, entry.commit)
    meant = [file for file in entry.files if not path or matches(file.path, (path,))]
    absent = [file for file in meant if file.path not in there]
    return FIX if absent and all(_has_blob(hub, entry, file) for file in absent) else FETCH


def replace_content(hub: Path, entry: Snapshot, path: str, model: str, keys: str) -> str:
    """Return the next step for a file whose content no engine can use.

    Args:
        hub: The hub directory.
        entry: The lock's entry of the repository.
        path: The file.
        model: Id of the model that needs it.
        keys: The keys to change in the model's table, as in "`revision` or `repo`".
    """
    if not _is_as_locked(hub, entry, path):
        return bring(hub, entry, path) if is_local(entry.repo) else f"{FIX}, then `modelgen fetch`"
    if is_local(entry.repo):
        return (
            f"replace it in the folder of the checkpoint, run `modelgen add PATH --as {entry.repo}`, then "
            f"`modelgen lock --upgrade {model}`"
        )
    return f"the repository's own file is bad: set another {keys} in the table of `{model}`, {_NEW}"


def _has_blob(hub: Path, entry: Snapshot, file: File) -> bool:
    landing = follow(hub, f"{repo_folder(entry.repo)}/blobs/{file.etag}")
    status = landing.status
    return landing.is_file and not landing.is_link and status is not None and status.st_size == file.size


def _is_as_locked(hub: Path, entry: Snapshot, path: str) -> bool:
    """Return whether a file has the bytes of the lock, so that another download would change nothing."""
    file, place = entry.by_path.get(path), Files(hub, entry.repo, entry.commit).place(path)
    try:
        return file is not None and place is not None and place.stat().st_size == file.size and is_intact(place, file)
    except OSError:
        return False
