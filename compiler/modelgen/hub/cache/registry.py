"""Register which locks need what in a hub directory: each lock that was fetched or added leaves a copy of its wants.

One file per lock in `.locks/modelgen/locks/`, named after the host and path of the lock. `modelgen prune` keeps what a
registered lock needs, also when that lock cannot be read: it may be on another host.
"""

from __future__ import annotations

import hashlib
import json
import os
import socket
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

from modelgen.files import STAGED, Staged
from modelgen.hub.cache.following import follow, open_regular
from modelgen.hub.cache.layout import checkouts
from modelgen.lockfile.repos import OWN_FOLDER, is_commit, is_repo_id

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    from modelgen.lockfile.entries import Lock

FOLDER = f"{OWN_FOLDER}/locks"
_FORMAT = 1
_MAX_BYTES = 64 * 2**20


@dataclass(frozen=True)
class Need:
    """A snapshot that a lock needs.

    Args:
        repo: Repository id.
        commit: 40 hex digits.
        refs: Names below `refs/` that should hold the commit.
        files: The name of the blob of each file, by path.
    """

    repo: str
    commit: str
    refs: tuple[str, ...]
    files: Mapping[str, str]


@dataclass(frozen=True)
class Registered:
    """The needs of one lock when it was registered.

    Args:
        host: The name of the host of the lock.
        path: The path of the lock, on that host.
        sha256: The hash of the lock's bytes.
        needs: The snapshots.
        assets: Hashes of files that are on no hub.
    """

    host: str
    path: str
    sha256: str
    needs: tuple[Need, ...]
    assets: tuple[str, ...]

    @property
    def name(self) -> str:
        """The lock for messages: its path, with the host if it is on another one."""
        return self.path if self.host == socket.gethostname() else f"{self.host}:{self.path}"

    @property
    def file(self) -> str:
        """The name of its file in the registry."""
        key = f"{self.host}\0{self.path}".encode(errors="surrogatepass")
        return f"{hashlib.sha256(key).hexdigest()[:32]}.json"


@dataclass(frozen=True)
class Locks:
    """All locks that are registered in a hub directory.

    Args:
        registered: The readable entries.
        broken: Files of the registry that cannot be read, so what they protect is unknown.
    """

    registered: tuple[Registered, ...] = ()
    broken: tuple[str, ...] = ()
    fault: str | None = None
    """The error with which the registry cannot be read."""
    _users: dict[tuple[str, str], list[str]] = field(default_factory=dict, compare=False)

    def users(self, repo: str, commit: str) -> list[str]:
        """Return the locks that need a snapshot."""
        if not self._users:
            for lock in self.registered:
                for need in lock.needs:
                    self._users.setdefault((need.repo, need.commit), []).append(lock.name)
        return self._users.get((repo, commit), [])

    def files(self, repo: str, commit: str) -> dict[str, str]:
        """Return a lock that needs each file of a snapshot, by path."""
        return {
            path: lock.name
            for lock in self.registered
            for need in lock.needs
            if (need.repo, need.commit) == (repo, commit)
            for path in need.files
        }


def wants_of(hub: Path, lock: Lock) -> tuple[tuple[Need, ...], tuple[str, ...]]:
    """Return the snapshots and assets that a lock needs.

    Raises:
        InputError: Two entries of the lock disagree.
    """
    needs = (
        Need(one.repo, one.commit, one.refs, {path: file.etag for path, file in one.files.items()})
        for one in checkouts(hub, lock.snapshots)
    )
    return tuple(needs), tuple(asset.sha256 for asset in lock.assets)


def register(hub: Path, path: Path, data: bytes, lock: Lock, more: Iterable[Need] = ()) -> None:
    """Store a copy of a lock's needs, replacing an older copy.

    Args:
        hub: The hub directory.
        path: The path of the lock.
        data: Its bytes; empty if it is not written yet.
        lock: The parsed lock.
        more: Snapshots that are needed and not locked yet.

    Raises:
        InputError: Two entries of the lock disagree.
        OSError: The hub directory cannot be written.
    """
    from modelgen.hub.cache.holding import make_folder  # readers need no lock
    from modelgen.hub.cache.modes import open_up

    needs, assets = wants_of(hub, lock)
    entry = entry_of(path, data, (*needs, *more), assets)
    make_folder(hub / FOLDER)
    # Not a fixed name: two runs of one project may register at once.
    staged = Staged(hub / FOLDER, {entry.file: _render(entry)}, suffix=f".{os.getpid()}{STAGED}")
    try:
        staged.publish(entry.file)
        open_up(hub / FOLDER / entry.file)
    finally:
        staged.discard()


def is_registered(hub: Path, path: Path, data: bytes) -> bool:
    """Return whether the registry has the needs of exactly these bytes of a lock."""
    return bool(record_of(hub, path, data))


def record_of(hub: Path, path: Path, data: bytes) -> dict[str, bytes]:
    """Return the record of a lock, by path in the hub directory; empty unless it is for exactly these bytes."""
    entry = entry_of(path, data)
    record = _read_bytes(hub, entry.file)
    found = None if record is None else _parse(record)
    if record is None or found is None or found.sha256 != entry.sha256:
        return {}
    return {f"{FOLDER}/{entry.file}": record}


def read_locks(hub: Path) -> Locks:
    """Return all registered locks, by name.

    Raises:
        OSError: The registry cannot be read.
    """
    landing = follow(hub, FOLDER)
    if not landing.is_folder:
        return Locks()
    names = sorted(entry.name for entry in hub.joinpath(*landing.parts).iterdir() if entry.name.endswith(".json"))
    found = {name: _read(hub, name) for name in names}
    registered = sorted((one for one in found.values() if one is not None), key=lambda one: one.name)
    return Locks(tuple(registered), tuple(f"{FOLDER}/{name}" for name, one in found.items() if one is None))


def try_read_locks(hub: Path) -> Locks:
    """Return all registered locks, or why they cannot be read."""
    try:
        return read_locks(hub)
    except OSError as error:
        return Locks(fault=f"cannot be read: {(error.strerror or str(error)).lower()}")


def forget(hub: Path, entry: Registered) -> None:
    """Remove a lock from the registry; what only it needs is no longer protected.

    Raises:
        OSError: The hub directory cannot be written.
    """
    for path in (hub / FOLDER).glob("*.json"):
        if _read(hub, path.name) == entry:
            path.unlink(missing_ok=True)


def entry_of(path: Path, data: bytes, needs: tuple[Need, ...] = (), assets: tuple[str, ...] = ()) -> Registered:
    """Return the entry of a lock with these bytes."""
    return Registered(socket.gethostname(), os.path.realpath(path), hashlib.sha256(data).hexdigest(), needs, assets)


def _render(entry: Registered) -> bytes:
    return json.dumps({"format": _FORMAT, **asdict(entry)}, indent=1).encode(errors="surrogatepass")


def _read(hub: Path, name: str) -> Registered | None:
    """Return an entry, or None if it is not valid: a hub directory may be shared, so its files are untrusted."""
    data = _read_bytes(hub, name)
    return None if data is None else _parse(data)


def _read_bytes(hub: Path, name: str) -> bytes | None:
    landing = follow(hub, f"{FOLDER}/{name}")
    try:
        with open_regular(hub.joinpath(*landing.parts)) as file:
            data = file.read(_MAX_BYTES + 1)
    except (OSError, ValueError):
        return None
    return data if len(data) <= _MAX_BYTES else None


def _parse(data: bytes) -> Registered | None:
    try:
        return _entry(json.loads(data))
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError):
        return None


def _entry(written: Any) -> Registered | None:  # noqa: ANN401 - whatever JSON holds
    needs = tuple(
        Need(need["repo"], need["commit"], tuple(need["refs"]), dict(need["files"])) for need in written["needs"]
    )
    entry = Registered(written["host"], written["path"], written["sha256"], needs, tuple(written["assets"]))
    texts = [entry.host, entry.path, entry.sha256, *entry.assets]
    texts += [text for need in needs for text in (*need.refs, *need.files, *need.files.values())]
    is_right = (
        written["format"] == _FORMAT
        and all(isinstance(text, str) for text in texts)
        and all(is_repo_id(need.repo) and is_commit(need.commit) for need in needs)
    )
    return entry if is_right else None
