"""Collect what the registered locks need: as registered and, where they can be read, as they are now."""

from __future__ import annotations

import re
import socket
from collections import defaultdict
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from modelgen.files import ModelgenError
from modelgen.hub.cache.following import open_regular
from modelgen.hub.cache.registry import wants_of
from modelgen.lockfile.reading import MAX_BYTES, parse_lock
from modelgen.lockfile.repos import repo_folder

if TYPE_CHECKING:
    from collections.abc import Iterable

    from modelgen.hub.cache.registry import Need, Registered
    from modelgen.lockfile.entries import Lock

_BUILT = "build/docker-compose.yml"
"""The build beside a lock: it names the commits that engines open until the next `up`, even if the lock has changed."""
_COMMIT = re.compile(rb"(?<![0-9a-f])[0-9a-f]{40}(?![0-9a-f])")


@dataclass(frozen=True)
class State:
    """A registered lock, and why it could not be read, or None."""

    lock: Registered
    fault: str | None


@dataclass
class Needed:
    """Everything that is needed.

    Args:
        commits: The commits of snapshots, by folder of the repository.
        etags: The names of blobs, by folder of the repository.
        refs: The commit that a ref should name, by folder and name of the ref.
        assets: Hashes of files that are on no hub.
        built: Commits that a build beside a lock names, of any repository.
        states: The locks.
        files: The files of snapshots, by folder of the repository and commit.
        left_out: Patterns of files that locks leave out on purpose, by folder of the repository and commit.
        repos: Repository ids, by folder.
        outdated: Builds that are older than the lock beside them, by the commits that they name.
    """

    commits: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))
    etags: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))
    refs: dict[tuple[str, str], str] = field(default_factory=dict)
    assets: set[str] = field(default_factory=set)
    built: set[str] = field(default_factory=set)
    states: list[State] = field(default_factory=list)
    files: dict[tuple[str, str], set[str]] = field(default_factory=lambda: defaultdict(set))
    left_out: dict[tuple[str, str], set[str]] = field(default_factory=lambda: defaultdict(set))
    repos: dict[str, str] = field(default_factory=dict)
    outdated: dict[str, Path] = field(default_factory=dict)

    def is_needed(self, folder: str, commit: str) -> bool:
        """Return whether a snapshot is needed."""
        return commit in self.built or commit in self.commits.get(folder, ())

    def add(self, needs: Iterable[Need], assets: Iterable[str]) -> None:
        """Add needed snapshots and assets."""
        for need in needs:
            folder = repo_folder(need.repo)
            self.commits[folder].add(need.commit)
            self.etags[folder].update(need.files.values())
            self.files[folder, need.commit].update(need.files)
            self.repos[folder] = need.repo
            for name in need.refs:
                self.refs.setdefault((folder, name), need.commit)
        self.assets.update(assets)

    def add_left_out(self, lock: Lock) -> None:
        """Add the files that a lock leaves out on purpose; with `include`, all other files."""
        for entry in lock.snapshots:
            patterns = ["*"] if entry.include else [*entry.left_out, *entry.exclude]
            self.left_out[repo_folder(entry.repo), entry.commit].update(patterns)


def find_needed(hub: Path, locks: Iterable[Registered]) -> Needed:
    """Read the registered locks again, and return what they need now or needed when registered."""
    needed = Needed()
    for lock in locks:
        fault = _add_current(hub, lock, needed)
        needed.add(lock.needs, lock.assets)
        needed.states.append(State(lock, fault))
    return needed


def _add_current(hub: Path, lock: Registered, needed: Needed) -> str | None:
    """Add what a lock needs now; return why it cannot be read, or None."""
    if lock.host != socket.gethostname():
        return "is on another host"
    path = Path(lock.path)
    built = _built_commits(path.parent)
    needed.built |= built
    if _is_older(path.parent / _BUILT, path):
        needed.outdated |= dict.fromkeys(built, path.parent / _BUILT)
    try:
        with open_regular(path) as file:
            data = file.read(MAX_BYTES + 1)
    except (OSError, ValueError) as error:
        return f"cannot be read ({((error.strerror if isinstance(error, OSError) else None) or str(error)).lower()})"
    current, _ = parse_lock(data, lock.path)
    if current is None:
        return "is damaged; run `modelgen lock` there"
    try:
        needed.add(*wants_of(hub, current))
    except ModelgenError:
        return "is damaged; run `modelgen lock` there"
    needed.add_left_out(current)
    return None


def _is_older(path: Path, other: Path) -> bool:
    try:
        return path.stat().st_mtime_ns < other.stat().st_mtime_ns
    except OSError:
        return False


def _built_commits(folder: Path) -> set[str]:
    try:
        with open_regular(folder / _BUILT) as file:
            return {match.decode() for match in _COMMIT.findall(file.read(MAX_BYTES))}
    except (OSError, ValueError):
        return set()
