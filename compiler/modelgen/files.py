"""Write files atomically: a reader, also after a crash, sees the old bytes or the new ones."""

from __future__ import annotations

import contextlib
import errno
import os
import stat
import sys
from typing import TYPE_CHECKING

from modelgen import shortfalls

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

UNSUPPORTED = frozenset({errno.EINVAL, errno.ENOSYS, errno.ENOTSUP, errno.EOPNOTSUPP, errno.EBADF})
"""Errors of file systems that do not support a call; 9p, FUSE, CIFS and NFS return different ones."""

MAX_SOURCE_BYTES = 4 * 2**20
"""Maximum size of a models.toml; 10,000 models fit."""

STAGED = ".modelgen-new"
"""Suffix of files that are not yet in place."""


_MODE = 0o666


class ModelgenError(Exception):
    """An operation failed outside the user's files; the message is one sentence with the next step."""

    exit_code = 3


class InputError(ModelgenError):
    """An error in the user's files that only the hub, a registry or the host could show."""

    exit_code = 1


class ReadError(OSError):
    """Bytes of a file could not be read, although it was opened."""


def was_reading(error: OSError, path: Path | str) -> bool:
    """Return whether a failed system call was a read: the error does not say so, so try the file.

    Args:
        error: The error.
        path: The file.
    """
    if isinstance(error, ReadError):
        return True
    if error.errno in (errno.EEXIST, errno.ENOSPC, errno.EDQUOT, errno.EROFS):
        return False  # reading never fails this way
    try:
        descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0))
    except OSError as again:
        return again.errno in (errno.EACCES, errno.EPERM, errno.EIO, errno.ELOOP, errno.ESTALE)
    try:
        if stat.S_ISREG(os.fstat(descriptor).st_mode):
            os.read(descriptor, 1)
    except OSError:
        return True
    finally:
        os.close(descriptor)
    return False


class Staged:
    """New contents beside their targets: written and fsynced, not yet in place.

    All of them are staged before the first is published, so that a full disk fails while nothing has changed.

    Args:
        root: The directory.
        contents: Relative path → bytes.
        suffix: Suffix of the staged files. It is fixed, so that the next run overwrites what a killed one left.
        mode: The permissions of the files, of which the umask removes some.

    Raises:
        OSError: Nothing has changed then.
    """

    def __init__(self, root: Path, contents: Mapping[str, bytes], suffix: str = STAGED, mode: int = _MODE) -> None:
        self._root = root
        self._paths: dict[str, Path] = {}
        try:
            for name, data in contents.items():
                path = _beside(root, name, suffix)
                self._paths[name] = path
                path.parent.mkdir(parents=True, exist_ok=True)
                _write_synced(path, data, mode)
        except OSError:
            self.discard()
            raise

    def publish(self, name: str) -> None:
        """Move one file to its place, durably."""
        target = self._root / name
        self._paths[name].replace(target)
        del self._paths[name]
        _sync_folder(target.parent)

    def discard(self) -> None:
        """Remove the files that were staged and not published."""
        for path in self._paths.values():
            with contextlib.suppress(OSError):
                path.unlink()
        self._paths.clear()


def create(path: Path, data: bytes, *, mode: int = _MODE) -> None:
    """Create a file, completely or not at all. Of two processes at once, the second finds the file of the first.

    Raises:
        FileExistsError: The file exists.
        OSError: The file cannot be written; it does not exist then.
    """
    if path.exists() or path.is_symlink():
        raise FileExistsError(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    with locked(path.parent):
        if path.exists() or path.is_symlink():
            raise FileExistsError(path)
        staged = Staged(path.parent, {path.name: data}, mode=mode)
        try:
            staged.publish(path.name)
        finally:
            staged.discard()


def replace(path: Path, data: bytes) -> None:
    """Replace the contents of a user's file, or leave it unchanged; its mode and a link to it are kept.

    Raises:
        OSError: The file cannot be written; it is unchanged then.
    """
    path.resolve(strict=True)
    replace_all({path: data})


def replace_all(contents: Mapping[Path, bytes]) -> None:
    """Replace or create files one after the other, as `replace` does.

    All are staged before the first is published, so that a full disk fails while nothing has changed. A process that
    is killed between two of them leaves the first ones new.

    Raises:
        OSError: A file cannot be written.
    """
    staged: list[tuple[Staged, str]] = []
    try:
        for path, data in contents.items():
            target = path.resolve()
            staged.append((Staged(target.parent, {target.name: data}), target.name))
            if target.exists():
                _copy_mode(target, _beside(target.parent, target.name, STAGED))
        for one, name in staged:
            one.publish(name)
    finally:
        for one, _ in staged:
            one.discard()


def _copy_mode(path: Path, copy: Path) -> None:
    import shutil  # every command imports this module, and few need shutil

    try:
        shutil.copymode(path, copy)
    except OSError:
        if path.stat().st_mode != copy.stat().st_mode:  # otherwise all files of that file system have one mode
            raise


def leftovers(root: Path, names: Iterable[str], suffixes: tuple[str, ...]) -> list[Path]:
    """Return the files that killed runs staged in the folders of `names` and never published.

    Other folders are not searched: below `root` may be a whole project, with another build in it. Links are not
    followed.
    """
    whole = root.resolve()
    folders = {root, *((root / name).parent for name in names)}
    return [
        path
        for folder in folders
        if folder.is_dir() and folder.resolve().is_relative_to(whole)
        for path in folder.iterdir()
        if path.name.endswith(suffixes)
    ]


def remove(path: Path) -> None:
    """Remove a file durably."""
    path.unlink(missing_ok=True)
    _sync_folder(path.parent)


def locked(folder: Path) -> contextlib.AbstractContextManager[None]:
    """Lock `folder` for this modelgen process; a second one waits.

    The folder itself is locked where possible, so that no lock file is left in a committed directory.
    """
    from modelgen.locks import Claim, hold_folder  # every command imports this module, and few need a lock

    return hold_folder(Claim(folder, folder / ".modelgen-lock", "modelgen", _say))


def _say(text: str) -> None:
    sys.stderr.write(f"modelgen: {text}\n")


def sync(descriptor: int) -> None:
    """Flush an open file or folder to the disk, if its file system supports that."""
    try:
        os.fsync(descriptor)
    except OSError as error:
        if error.errno not in UNSUPPORTED:
            raise
        if stat.S_ISREG(os.fstat(descriptor).st_mode):  # CIFS flushes files only; its server keeps names
            shortfalls.note(
                "sync",
                "this file system cannot flush files to the disk (fsync); after a power cut, check what was written: "
                "`modelgen verify` does so for a hub directory",
            )


def _beside(root: Path, name: str, suffix: str) -> Path:
    target = root / name
    return target.with_name(target.name + suffix)


def _write_synced(path: Path, data: bytes, mode: int) -> None:
    with contextlib.suppress(FileNotFoundError):
        path.unlink()  # a killed run may have left it, and a link must not be followed
    with open(path, "xb", opener=lambda name, flags: os.open(name, flags, mode)) as file:
        file.write(data)
        file.flush()
        sync(file.fileno())


def _sync_folder(folder: Path) -> None:
    """Flush a folder, which makes renames in it durable; Windows has no such call and needs none."""
    if sys.platform != "win32":
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            sync(descriptor)
        finally:
            os.close(descriptor)
