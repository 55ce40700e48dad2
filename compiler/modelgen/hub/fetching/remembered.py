"""Remember which files had the locked hash, and which lock was complete, in a hub directory.

A size proves little: the client links a file before its hash is checked, and a run may be killed in between. A file
counts as present only if its hash was checked and its time and size have not changed since; any other file is hashed
once. The record is a hint: if it is missing or damaged, everything is checked again.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import platform
import stat
from typing import TYPE_CHECKING, Any

from modelgen import __version__
from modelgen.lockfile.repos import OWN_FOLDER

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

_NOTE = f"{OWN_FOLDER}/seen.json"


def key_of(path: Path, config: bytes, lock: bytes, models: Iterable[str] = ()) -> str:
    """Return a key for a models.toml and its lock with this version of modelgen, or for some of their models.

    The host and the path of the lock are part of it: each lock is registered in the hub directory by them.
    """
    digest = hashlib.sha256(f"{__version__} {len(config)} ".encode())
    digest.update(f"{platform.node()}\0{os.path.realpath(path)}\0".encode(errors="surrogatepass"))
    digest.update(config)
    digest.update(lock)
    if names := sorted(set(models)):
        digest.update(json.dumps(names).encode())
    return digest.hexdigest()


class Seen:
    """The record of one hub directory.

    Args:
        hub: The hub directory.
    """

    def __init__(self, hub: Path) -> None:
        self._root = os.fspath(hub)
        self._hub = hub
        # By path below the hub directory: size, time of the last change in nanoseconds, inode, hash. The inode is
        # needed since clocks of file systems are coarse: two blobs of one size may have one time.
        self._files: dict[str, tuple[int, int, int, str]] = {}
        self._by_hash: dict[tuple[str, str], list[str]] | None = None
        self._complete: Any = None
        self._written = b""
        with contextlib.suppress(OSError, ValueError, LookupError, TypeError, AttributeError):
            self._written = (hub / _NOTE).read_bytes()
            written = json.loads(self._written)
            self._files = {
                path: (size, time, node, etag) for path, (size, time, node, etag) in written["files"].items()
            }
            self._complete = written["complete"]

    def is_complete(self, key: str) -> bool:
        """Return whether everything for `key` was present and is unchanged.

        A run with nothing to do then need not parse models.toml and its lock again, since they have the same bytes.
        """
        try:
            return (
                self._complete["key"] == key
                and all(self._is_as_it_was(path) for path in self._complete["files"])
                and all(_has_hash(f"{self._root}/{path}", sha256) for path, sha256 in self._complete["small"].items())
            )
        except (OSError, ValueError, LookupError, TypeError, AttributeError):
            return False

    def is_right(self, path: str, etag: str) -> bool:
        """Return whether the file at `path` had the hash `etag` and is unchanged."""
        known = self._files.get(path)
        return known is not None and known[3] == etag and self._is_as_it_was(path)

    def find(self, folder: str, etag: str) -> str | None:
        """Return a path below a repository's folder whose file had the hash `etag` and is unchanged."""
        if self._by_hash is None:
            self._by_hash = {}
            for path, (*_, known) in self._files.items():
                self._by_hash.setdefault((path.partition("/")[0], known), []).append(path)
        return next((path for path in self._by_hash.get((folder, etag), ()) if self._is_as_it_was(path)), None)

    def has_right(self, content: Path, etag: str) -> bool:
        """Return whether a file of a repository, under any name, had the hash `etag` and is unchanged."""
        found = self.find(content.relative_to(self._hub).parts[0], etag)
        return found is not None and (self._hub / found).samefile(content)

    def add(self, path: str, etag: str) -> None:
        """Record that the file at `path` has the hash `etag`."""
        found = os.stat(f"{self._root}/{path}")  # noqa: PTH116 - thousands of them
        self._files[path] = (found.st_size, found.st_mtime_ns, found.st_ino, etag)
        self._by_hash = None

    def save(self, key: str, files: Iterable[str], small: Mapping[str, bytes]) -> None:
        """Write the record; `files` and `small` are everything that `key` needs, empty if not complete."""
        from modelgen.files import Staged
        from modelgen.hub.cache.modes import open_up

        paths = [*files]
        hashes = {path: hashlib.sha256(data).hexdigest() for path, data in small.items()}
        complete = {"key": key, "files": paths, "small": hashes} if paths else None
        kept = {path: entry for path, entry in self._files.items() if self._is_as_it_was(path)}
        note = json.dumps({"complete": complete, "files": kept}).encode()
        if note == self._written:
            return
        # If it cannot be written, the next run checks again.
        with contextlib.suppress(OSError):
            staged = Staged(self._hub, {_NOTE: note})
            try:
                staged.publish(_NOTE)
                open_up(self._hub / _NOTE)
            finally:
                staged.discard()

    def _is_as_it_was(self, path: str) -> bool:
        *before, _ = self._files[path]
        try:
            found = os.stat(f"{self._root}/{path}")  # noqa: PTH116 - thousands of them
        except OSError:
            return False
        return stat.S_ISREG(found.st_mode) and [found.st_size, found.st_mtime_ns, found.st_ino] == before


def _has_hash(path: str, sha256: str) -> bool:
    if not os.path.isfile(path):  # noqa: PTH113 - hundreds of them
        return False
    with open(path, "rb", buffering=0) as file:  # noqa: PTH123 - hundreds of them
        return hashlib.sha256(file.read()).hexdigest() == sha256
