"""Remove what killed runs left in a hub directory."""

from __future__ import annotations

import contextlib
import shutil
import time
from typing import TYPE_CHECKING

from modelgen.lockfile.repos import OWN_FOLDER
from modelgen.locks import is_held

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from modelgen.hub.cache.layout import Checkout

_INCOMPLETE = ".incomplete"
_PROBE = frozenset({"dummy_file_src", "dummy_file_dst"})
_PROBED = 60
# Age after which a partial file that no lock names is removed.
_FORGOTTEN = 7 * 24 * 3600


def remove_leftovers(hub: Path, checkouts: Iterable[Checkout]) -> None:
    """Remove abandoned downloads: the client's temporary files without a process, modelgen's after a week.

    The client never resumes `<etag>.<random>.incomplete` and leaves it when it is killed. While it lives it holds
    `.locks/<repo>/<etag>.lock`, so a file whose lock is free is an orphan.
    """
    wanted: set[tuple[str, str]] = set()
    for folder in {hub, *(checkout.folder for checkout in checkouts)}:
        _remove_probes(folder)
    for folder in {checkout.folder for checkout in checkouts}:
        for path in _files(folder / "blobs"):
            lock_file = hub / ".locks" / folder.name / f"{path.name.split('.')[0]}.lock"
            if path.name.endswith(_INCOMPLETE) and _is_abandoned(path, lock_file):
                _remove(path)
    for checkout in checkouts:
        wanted.update((checkout.folder.name, file.etag) for file in checkout.files.values())
    partial = hub / OWN_FOLDER / "partial"
    for folder in _files(partial):
        with contextlib.suppress(PermissionError):  # a file of another user
            for path in _files(folder):
                name = folder.name, path.name.partition(".")[0]
                if name not in wanted and time.time() - path.lstat().st_mtime > _FORGOTTEN:
                    _remove(path)


def _remove_probes(folder: Path) -> None:
    """Remove folders that killed clients created to test links; such a test takes less than a minute."""
    for probe in folder.glob(f"tmp{'?' * 8}") if folder.is_dir() else ():
        try:
            inside = {path.name for path in _files(probe)}
        except PermissionError:
            continue  # another user's; the next run of that user removes it
        if inside <= _PROBE and not probe.is_symlink() and time.time() - probe.lstat().st_mtime > _PROBED:
            shutil.rmtree(probe, ignore_errors=True)


def _files(folder: Path) -> list[Path]:
    return [*folder.iterdir()] if folder.is_dir() and not folder.is_symlink() else []


def _remove(path: Path) -> None:
    with contextlib.suppress(PermissionError):  # another user's, in a sticky folder
        path.unlink(missing_ok=True)


def _is_abandoned(path: Path, lock_file: Path) -> bool:
    """Return whether no client writes a temporary file; if that is unknown, whether it is a week old."""
    is_old = time.time() - path.lstat().st_mtime > _FORGOTTEN
    try:
        held = is_held(lock_file) if lock_file.is_file() else False
    except OSError:
        held = None
    return is_old if held is None else not held
