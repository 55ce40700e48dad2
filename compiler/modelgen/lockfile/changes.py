"""List the differences between two locks, for a review."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from modelgen.lockfile.entries import File, Lock, Snapshot


@dataclass(frozen=True)
class Change:
    """One repository whose entry was added, removed or changed.

    Args:
        old: The entry before; None for a new one.
        new: The entry now; None for a removed one.
        known: Hashes of all contents that the old lock has of the repository, in any of its entries.
    """

    old: Snapshot | None
    new: Snapshot | None
    known: frozenset[str] = frozenset()

    @property
    def entry(self) -> Snapshot:
        """The new entry, or the old one if it was removed."""
        entry = self.new or self.old
        assert entry is not None, "a change has a side"  # noqa: S101 - an invariant
        return entry

    @property
    def added(self) -> list[str]:
        """Paths that are new."""
        return sorted(_files(self.new).keys() - _files(self.old).keys())

    @property
    def removed(self) -> list[str]:
        """Paths that were removed."""
        return sorted(_files(self.old).keys() - _files(self.new).keys())

    @property
    def changed(self) -> list[str]:
        """Paths whose content changed."""
        old, new = _files(self.old), _files(self.new)
        return sorted(path for path in old.keys() & new.keys() if old[path].etag != new[path].etag)

    @property
    def new_bytes(self) -> int:
        """Bytes of content that the old lock does not have for this repository; each content counts once."""
        new = {file.etag: file.size for file in _files(self.new).values()}
        return sum(size for etag, size in new.items() if etag not in self.known)


def _files(entry: Snapshot | None) -> Mapping[str, File]:
    return entry.by_path if entry else {}


def compare(old: Lock, new: Lock) -> list[Change]:
    """Return the repositories whose commit or files differ, by name; the models that need them are ignored."""
    wanted = {entry.want for entry in new.snapshots}
    lost = [entry for entry in old.snapshots if entry.want not in wanted]
    known: dict[str, set[str]] = {}
    for entry in old.snapshots:
        known.setdefault(entry.repo, set()).update(file.etag for file in entry.files)
    changes = []
    for entry in new.snapshots:
        former = old.find(entry.want) or _former(entry, lost)
        if former in lost:
            lost.remove(former)
        if former is None or (former.commit, former.by_path) != (entry.commit, entry.by_path):
            changes.append(Change(former, entry, frozenset(known.get(entry.repo, ()))))
    changes += [Change(entry, None) for entry in lost]
    return sorted(changes, key=lambda change: (change.entry.repo, change.entry.revision or ""))


def _former(entry: Snapshot, lost: Iterable[Snapshot]) -> Snapshot | None:
    """Return the entry that this one was, before its patterns or its revision were edited."""
    same = [other for other in lost if other.repo == entry.repo]
    return next((other for other in same if other.revision == entry.revision), next(iter(same), None))
