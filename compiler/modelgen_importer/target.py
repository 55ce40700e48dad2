"""Write into a folder of this host: never through a link, and each file as a whole or not at all."""

from __future__ import annotations

import contextlib
import errno
import hashlib
import os
import posixpath
import shutil
import stat
from itertools import accumulate
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from modelgen_importer.manifest import RefusedError, cannot
from modelgen_importer.medium import BLOCK, blocks, read_small
from modelgen_importer.reading import MOST_BYTES

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from io import FileIO

    from modelgen_importer.manifest import Piece

NEW = ".modelgen-new"
"""Suffix of files that are not in place yet."""
_UNSUPPORTED = {errno.EINVAL, errno.ENOSYS, errno.ENOTSUP, errno.EOPNOTSUPP, errno.EBADF}
FLAGS = os.O_RDWR | os.O_CREAT | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_BINARY", 0)


class Target:
    """A folder that is written into, which is made if it is missing.

    Args:
        root: The folder.
        partial: Where contents are while they are copied, below it.
    """

    def __init__(self, root: Path, partial: str) -> None:
        self.root = root
        self.partial = partial
        self._folders: set[Path] = set()
        self._changed: set[Path] = set()

    def folder(self, name: str, *, make: bool = True) -> Path | None:
        """Return a folder below this one; None if it is missing and not to be made.

        Raises:
            RefusedError: It is a link or a file, or lies behind one.
        """
        above = self.root.parents if self.root not in self._folders else ()
        missing = [folder for folder in above if not os.path.lexists(folder)]
        inside = [self.root / head for head in accumulate(name.split("/"), posixpath.join)]
        for path in (*reversed(missing), self.root, *inside):
            if path in self._folders:
                continue
            if not os.path.lexists(path):
                if not make:
                    return None
                path.mkdir(exist_ok=True)
                open_up(path, executable=True)
                self._changed.add(path.parent)
            elif path != self.root and not stat.S_ISDIR(path.lstat().st_mode):
                raise RefusedError(
                    f"{path} is not a folder, but a link or a file; replace it by a folder, or remove it"
                )
            self._folders.add(path)
        return inside[-1]

    def path(self, name: str) -> Path:
        """Return the path of a file, whose folder is made."""
        head, _, tail = name.rpartition("/")
        folder = self.folder(head)
        assert folder is not None  # noqa: S101 - it was made
        return folder / tail

    def look(self, name: str) -> os.stat_result | None:
        """Return the status of whatever is at a path, without following a link; None if nothing is there."""
        head, _, tail = name.rpartition("/")
        folder = self.folder(head, make=False)
        try:
            return (folder / tail).lstat() if folder is not None else None
        except FileNotFoundError:
            return None

    def size(self, name: str) -> int:
        """Return the bytes of a regular file, or -1 if there is none."""
        found = self.look(name)
        return found.st_size if found is not None and stat.S_ISREG(found.st_mode) else -1

    def copied(self, sha256: str) -> int:
        """Return how many bytes of a content an earlier run has copied."""
        return max(self.size(f"{self.partial}/{sha256}"), 0)

    def write(self, name: str, data: bytes, *, executable: bool = False) -> None:
        """Replace a file by these bytes."""
        path = self.path(name)
        staged = path.with_name(path.name + NEW)
        with writing(path), contextlib.suppress(FileNotFoundError):
            staged.unlink()
        with writing(path):
            with os.fdopen(os.open(staged, FLAGS | os.O_EXCL, 0o666), "wb") as file:
                file.write(data)
                file.flush()
                sync(file.fileno())
            self._publish(staged, path, executable=executable)

    def link(self, name: str, content: str) -> None:
        """Replace a file by a relative link to a content."""
        path = self.path(name)
        staged = path.with_name(path.name + NEW)
        target = os.path.relpath(self.root / content, path.parent)
        with writing(path):
            if path.is_symlink() and path.readlink() == Path(target):
                return
            with contextlib.suppress(FileNotFoundError):
                staged.unlink()
            staged.symlink_to(target)
            staged.replace(path)
            self._changed.add(path.parent)

    def copy(self, content: Content, name: str, advance: Callable[[int], None]) -> set[int]:
        """Copy a content while hashing it, over what an earlier run has left of it.

        Args:
            content: The content.
            name: Its place, which it gets if it is right.
            advance: Called with numbers of bytes.

        Returns:
            The volumes that are to come; empty if the content is in place.

        Raises:
            RefusedError: The content has another hash.
            UnableError: A file cannot be read or written.
        """
        path, digests, missing = self.path(f"{self.partial}/{content.sha256}"), Digests(content), set[int]()
        with writing(path), os.fdopen(os.open(path, FLAGS, 0o666), "r+b", buffering=0) as file:
            there, start = os.fstat(file.fileno()).st_size, 0
            for source, piece in content.pieces:
                digest, at = hashlib.sha256(), start
                for block in _reread(file, at, piece.size) if source is None else blocks(source, piece.size):
                    digests.update(block)
                    if len(content.pieces) > 1:
                        digest.update(block)
                    if source is not None:
                        _put(file, at, block, there)
                    at += len(block)
                    advance(len(block))
                if len(content.pieces) > 1 and digest.hexdigest() != piece.sha256:
                    if source is not None:
                        raise RefusedError(f"{source} is damaged: it has another hash; copy it again")
                    missing.add(piece.volume)
                start += piece.size
            file.truncate(start)
            sync(file.fileno())
        if missing:
            return missing
        if not digests.fit():
            path.unlink()
            raise RefusedError(f"{content.pieces[0][0]} is damaged: it has another hash; copy it again")
        place = self.path(name)
        with writing(place):
            self._publish(path, place)
        return missing

    def read(self, name: str) -> bytes | None:
        """Return the bytes of a small file; None if there is no regular file of that name."""
        return read_small(self.path(name)) if 0 <= self.size(name) <= MOST_BYTES else None

    def set_aside(self, name: str, folder: str) -> None:
        """Move a file into a folder, and keep what is there: each may be the only copy."""
        place, number = self.path(f"{folder}/{name}"), 0
        while os.path.lexists(place):
            number += 1
            place = place.with_name(f"{posixpath.basename(name)}.{number}")
        with writing(place):
            self.path(name).replace(place)

    def remove(self, name: str) -> None:
        """Remove a file, and the folders that are empty then."""
        path = self.path(name)
        with writing(path):
            path.unlink()
            self._changed.add(path.parent)
        with contextlib.suppress(OSError):
            for folder in path.parents:
                if folder == self.root:
                    break
                folder.rmdir()
                self._changed.discard(folder)
                self._folders.discard(folder)

    def clear(self, name: str) -> None:
        """Remove a folder with all that is in it."""
        folder = self.folder(name, make=False)
        if folder is not None:
            with writing(folder):
                shutil.rmtree(folder)
            self._folders = {path for path in self._folders if folder not in (path, *path.parents)}

    def sync(self) -> None:
        """Flush all folders that have changed; Windows has no such call and needs none."""
        for folder in self._changed if os.name != "nt" else ():
            with writing(folder):
                descriptor = os.open(folder, os.O_RDONLY)
                try:
                    sync(descriptor)
                finally:
                    os.close(descriptor)
        self._changed.clear()

    def _publish(self, staged: Path, path: Path, *, executable: bool = False) -> None:
        open_up(staged, executable=executable)
        staged.replace(path)
        self._changed.add(path.parent)


class Content(NamedTuple):
    """Bytes to copy.

    Args:
        sha256: Their hash.
        size: Their number.
        pieces: The files that have them, each with its path, which is None on a volume that is to come.
        git: Git's id of them, if the hub directory names them by it.
    """

    sha256: str
    size: int
    pieces: Sequence[tuple[Path | None, Piece]]
    git: str = ""


class Digests:
    """The hashes of a content on its way."""

    def __init__(self, content: Content) -> None:
        self._content = content
        self._whole = hashlib.sha256()
        self._git = hashlib.sha1(b"blob %d\0" % content.size, usedforsecurity=False) if content.git else None

    def update(self, block: memoryview) -> None:
        """Add some bytes."""
        self._whole.update(block)
        if self._git is not None:
            self._git.update(block)

    def fit(self) -> bool:
        """Return whether all bytes so far are the content."""
        is_git = self._git is None or self._git.hexdigest() == self._content.git
        return is_git and self._whole.hexdigest() == self._content.sha256


def _reread(file: FileIO, at: int, size: int) -> Iterator[memoryview]:
    """Yield what an earlier run has written of a piece."""
    buffer = memoryview(bytearray(BLOCK))
    while size and (file.seek(at), count := file.readinto(buffer[: min(size, BLOCK)]))[1]:
        at, size = at + count, size - count
        yield buffer[:count]


def _put(file: FileIO, at: int, block: memoryview, there: int) -> None:
    """Write a block, unless it is there already."""
    if at < there:
        file.seek(at)
        if file.read(len(block)) == block:
            return
    file.seek(at)
    while block:
        block = block[file.write(block) :]


def open_up(path: Path, *, executable: bool = False) -> None:
    """Make a new file or folder readable for all, and writable for the group if its folder is; refused is no error."""
    above = path.parent.stat().st_mode
    is_public = above & stat.S_ISVTX and above & stat.S_IWOTH  # as /tmp
    now = path.stat().st_mode
    wanted = (0o755 if executable else 0o644) | (above & stat.S_IWGRP if not is_public else 0)
    with contextlib.suppress(OSError):
        path.chmod(wanted | (now & stat.S_ISGID if stat.S_ISDIR(now) else 0))


def sync(descriptor: int) -> None:
    """Flush an open file or folder to the disk, if its file system supports that."""
    try:
        os.fsync(descriptor)
    except OSError as error:
        if error.errno not in _UNSUPPORTED:
            raise


@contextlib.contextmanager
def writing(path: Path) -> Iterator[None]:
    """Turn a failed system call into a sentence about a path that is written."""
    try:
        yield
    except OSError as error:
        raise cannot("write", path, error) from None
