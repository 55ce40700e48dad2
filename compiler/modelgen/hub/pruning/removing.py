"""Remove what is planned, so that a kill at any moment leaves a hub directory that clients can read."""

from __future__ import annotations

import contextlib
import errno
import shutil
import tempfile
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from modelgen.files import Staged
from modelgen.hub.cache.following import follow
from modelgen.hub.cache.holding import make_folder
from modelgen.hub.cache.modes import open_up
from modelgen.lockfile.repos import ASIDE, OWN_FOLDER

if TYPE_CHECKING:
    from collections.abc import Mapping

    from modelgen.hub.pruning.things import Plan

PRUNED = f"{OWN_FOLDER}/pruned"
"""Folders are moved here before their removal, so that no snapshot is ever incomplete."""


def remove(hub: Path, plan: Plan) -> None:
    """Remove what a plan names; the caller has locked the hub directory.

    Refs are removed first, so that no incomplete snapshot has a name. A folder is removed by one rename, so that no
    snapshot is ever incomplete. Listings are reduced before their files are removed. Contents are last, when no link
    leads to them.

    Raises:
        OSError: Something cannot be removed; the rest is complete, and the next run continues.
    """
    _write_refs(hub, plan.refs)
    for path, data in plan.listings.items():
        if _is_own_path(hub, path):
            _write(hub, path, data)
    for thing in sorted(plan.things, key=lambda thing: thing.path != PRUNED):
        for folder in thing.folders:
            _remove_folder(hub, folder)
    for thing in plan.things:
        if thing.kind == "shared":
            _sweep(hub, thing.files)
            continue
        for path in thing.files:
            _remove_file(hub, path)
    _remove_empty(hub, plan)


def _write_refs(hub: Path, refs: Mapping[str, str | None]) -> None:
    for path, commit in refs.items():
        if not _is_own_path(hub, path):
            continue
        if commit is None:
            (hub / path).unlink(missing_ok=True)
            continue
        _write(hub, path, commit.encode())


def _write(hub: Path, path: str, data: bytes) -> None:
    staged = Staged(hub, {path: data})
    try:
        staged.publish(path)
        open_up(hub / path)
    finally:
        staged.discard()


def _remove_folder(hub: Path, path: str) -> None:
    if not _is_own_path(hub, path):
        return
    if path == PRUNED:
        shutil.rmtree(hub / PRUNED)
        return
    make_folder(hub / PRUNED)
    away = Path(tempfile.mkdtemp(dir=hub / PRUNED))
    try:
        (hub / path).rename(away / "folder")
    except OSError as error:
        if error.errno != errno.EXDEV:
            raise
        shutil.rmtree(hub / path)  # a mount point
    shutil.rmtree(away)


def _remove_file(hub: Path, path: str) -> None:
    if _is_own_path(hub, path):
        (hub / path).unlink(missing_ok=True)


def _is_own_path(hub: Path, path: str) -> bool:
    """Return whether no parent folder is a link."""
    folder = path.rpartition("/")[0]
    landing = follow(hub, folder)
    return landing.is_folder and not landing.is_link


def _sweep(hub: Path, files: tuple[str, ...]) -> None:
    """Let the client remove contents of its shared store, since it knows their references."""
    with contextlib.suppress(ImportError):
        from huggingface_hub.utils._shared_blobs import sweep_shared_blob

        for path in files:
            sweep_shared_blob(hub / path, cache_dir=hub)


def _remove_empty(hub: Path, plan: Plan) -> None:
    """Remove empty folders."""
    folders = {path.rpartition("/")[0] for thing in plan.things for path in (*thing.files, *thing.folders)}
    folders |= {path.rpartition("/")[0] for path in plan.refs} | {PRUNED}
    folders |= {
        parent.as_posix() for folder in folders if folder.startswith(ASIDE) for parent in PurePosixPath(folder).parents
    } - {".", ".locks", OWN_FOLDER}
    for folder in sorted(folders - {""}, key=len, reverse=True):
        if _is_own_path(hub, folder):
            with contextlib.suppress(OSError):
                (hub / folder).rmdir()
