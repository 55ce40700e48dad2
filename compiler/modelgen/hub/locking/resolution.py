"""Define the result of locking: the new entries, and the reasons for those that are missing."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from modelgen.lockfile.entries import Lock, Snapshot

if TYPE_CHECKING:
    from modelgen.files import ModelgenError
    from modelgen.hub.locking.listing import Pinned
    from modelgen.lockfile.wants import Want


@dataclass
class Resolution:
    """What the lock is to have.

    Args:
        kept: Entries of the old lock.
        pinned: New ones.
        faults: Why there are not all.
        retained: Entries of the old lock that still answer a want whose look-up failed.
        untouched: Entries of the old lock that nobody asked about.
        doubts: What nothing on this host confirms about the kept ones; only offline.
    """

    kept: dict[Want, Snapshot] = field(default_factory=dict)
    pinned: dict[Want, Pinned] = field(default_factory=dict)
    faults: dict[Want, ModelgenError] = field(default_factory=dict)
    retained: dict[Want, Snapshot] = field(default_factory=dict)
    untouched: dict[Want, Snapshot] = field(default_factory=dict)
    doubts: dict[Want, tuple[str, ...]] = field(default_factory=dict)

    @property
    def lock(self) -> Lock:
        """The entries so far."""
        pinned = {want: found.entry for want, found in self.pinned.items()}
        return Lock(snapshots=[*(self.untouched | self.retained | self.kept | pinned).values()])

    @property
    def unchecked(self) -> list[tuple[Snapshot, tuple[str, ...]]]:
        """Entries about which something could not be checked, with what that is, kept ones too."""
        kept = [(entry, self.doubts.get(want, ())) for want, entry in self.kept.items()]
        new = [(found.entry, found.unchecked) for found in self.pinned.values()]
        return [(entry, told) for entry, told in (*kept, *new) if told]

    @property
    def has_answers(self) -> bool:
        """Whether there is an entry for anything that was asked about."""
        return bool(self.kept or self.pinned or self.retained)
