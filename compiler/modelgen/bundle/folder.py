"""Look at the folder of a bundle: is it one, what can its file system hold; and put the papers into it."""

from __future__ import annotations

import contextlib
import errno
import hashlib
import os
import shutil
from dataclasses import dataclass
from typing import TYPE_CHECKING

from modelgen.bundle.having import Having, read_older
from modelgen.bundle.manifest import NAME
from modelgen.bundle.volumes import FAT_LIMIT
from modelgen.files import InputError, Staged
from modelgen.hub.cache.mounts import mount_of
from modelgen.locks import Claim, hold_folder

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping
    from pathlib import Path

INCOMPLETE = "INCOMPLETE.txt"
_NOTE = b"""\
This bundle is not complete: `modelgen bundle create` is still writing it, or was
interrupted. Run it again with the same folder: it continues where it stopped.
"""
_OF_DRIVES = ("lost+found", "System Volume Information", "$RECYCLE.BIN")
"""Folders at the root of a fresh drive; other systems' own folders begin with a dot."""
_FAT = ("msdos", "vfat")
_WITHOUT_LIMIT = ("exfat",)


@dataclass(frozen=True)
class Existing:
    """The folder before a run.

    Args:
        older: The bundle in it, if it is complete.
        longest: The most bytes of a file on its file system; None without a known limit.
        free: Free bytes.
    """

    older: Having
    longest: int | None
    free: int


def look_at(folder: Path, project: str) -> Existing:
    """Look at the folder of a bundle, which need not exist.

    Raises:
        InputError: It holds something else.
        OSError: It cannot be read.
    """
    older = Having()
    if folder.exists():
        if not folder.is_dir():
            raise InputError(f"{folder} is not a folder; pass a folder for the bundle")
        older = _older(folder, project)
    near = folder
    while not near.exists():
        near = near.parent
    return Existing(older, _longest(near), shutil.disk_usage(near).free)


def _older(folder: Path, project: str) -> Having:
    """Return what the bundle in a folder has: nothing in an empty folder, or if it was never complete."""
    manifest = next((path for path in (folder / NAME, *sorted(folder.glob(f"vol*/{NAME}"))) if path.is_file()), None)
    if manifest is not None:
        older = read_older(manifest.read_bytes(), str(manifest))
        if older.project != project:
            raise InputError(
                f"{folder} holds the bundle of another project, {older.project}; pass another folder, or empty that one"
            )
        return older
    names = [entry.name for entry in folder.iterdir() if not entry.name.startswith(".")]
    if INCOMPLETE not in names and (others := [name for name in sorted(names) if name not in _OF_DRIVES]):
        raise InputError(f"{folder} is not empty and holds no bundle: it has {others[0]}; pass another folder")
    return Having()


def _longest(folder: Path) -> int | None:
    """Return the most bytes of a file: FAT ends at 4 GiB, and some other file systems have a limit of their own."""
    _, kind = mount_of(folder)
    if kind in _FAT:
        return FAT_LIMIT
    if kind in _WITHOUT_LIMIT:
        return None  # exFAT has no holes: a long file would be written
    probe = folder / f".modelgen-probe-{os.getpid()}"
    try:
        with probe.open("xb") as file:
            file.truncate(FAT_LIMIT + 1)
    except OSError as error:
        return FAT_LIMIT if error.errno in (errno.EFBIG, errno.EINVAL) else None
    finally:
        with contextlib.suppress(OSError):
            probe.unlink()
    return None


@contextlib.contextmanager
def held(folder: Path, say: Callable[[str], None]) -> Iterator[None]:
    """Create and lock the folder of a bundle; one that is empty afterwards is removed again.

    Files are readable for all, whatever the umask: another account may load the bundle.
    """
    missing = [path for path in (folder, *folder.parents) if not path.exists()]
    before = os.umask(0o022)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with hold_folder(Claim(folder, folder / ".modelgen-lock", "modelgen bundle create", say)):
            yield
    finally:
        os.umask(before)
        for path in missing:
            with contextlib.suppress(OSError):
                path.rmdir()


def mark_incomplete(folder: Path) -> None:
    """Note in the folder that the bundle is not complete."""
    (folder / INCOMPLETE).write_bytes(_NOTE)


def mark_complete(folder: Path) -> None:
    """Remove that note."""
    (folder / INCOMPLETE).unlink(missing_ok=True)


def place(root: Path, contents: Mapping[str, bytes]) -> None:
    """Write files below a folder, in their order; those that are there with the same bytes stay.

    Raises:
        OSError: A file cannot be written.
    """
    changed = {name: data for name, data in contents.items() if not _holds(root / name, data)}
    staged = Staged(root, changed)
    try:
        for name in changed:
            staged.publish(name)
    finally:
        staged.discard()


def remove_all(root: Path, paths: Iterable[Path]) -> None:
    """Remove files of a bundle, and its folders that are empty then."""
    for path in paths:
        path.unlink(missing_ok=True)
    for folder in (*root.glob("blobs/"), *root.glob("vol*/*/"), *root.glob("vol*/")):
        with contextlib.suppress(OSError):  # not empty
            folder.rmdir()


def hash_of(data: bytes) -> str:
    """Return the SHA-256 of bytes."""
    return hashlib.sha256(data).hexdigest()


def _holds(path: Path, data: bytes) -> bool:
    try:
        return path.stat().st_size == len(data) and path.read_bytes() == data
    except OSError:
        return False
