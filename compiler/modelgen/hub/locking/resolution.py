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
    """The result of locking.

    Args:
        kept: Entries of the old lock that stay.
        pinned: New entries.
        faults: The errors of missing entries.
        retained: Entries of the old lock that still answer a want whose look-up failed.
        untouched: Entries of the old lock that were not looked up.
        without_facts: Wants whose old entry stays without the facts that an older modelgen did not record.
        doubts: What nothing on this host confirms about kept entries; only offline.
    """

    kept: dict[Want, Snapshot] = field(default_factory=dict)
    pinned: dict[Want, Pinned] = field(default_factory=dict)
    faults: dict[Want, ModelgenError] = field(default_factory=dict)
    retained: dict[Want, Snapshot] = field(default_factory=dict)
    untouched: dict[Want, Snapshot] = field(default_factory=dict)
    without_facts: set[Want] = field(default_factory=set)
    doubts: dict[Want, tuple[str, ...]] = field(default_factory=dict)

    @property
    def lock(self) -> Lock:
        """The entries so far."""
        pinned = {want: found.entry for want, found in self.pinned.items()}
        return Lock(snapshots=[*(self.untouched | self.retained | self.kept | pinned).values()])

    @property
    def unchecked(self) -> list[tuple[Snapshot, tuple[str, ...]]]:
        """Entries with something that could not be checked, also kept ones."""
        kept = [(entry, self.doubts.get(want, ())) for want, entry in self.kept.items()]
        new = [(found.entry, found.unchecked) for found in self.pinned.values()]
        return [(entry, doubts) for entry, doubts in (*kept, *new) if doubts]

    @property
    def has_answers(self) -> bool:
        """Return whether any look-up gave an entry."""
        return bool(self.kept or self.pinned or self.retained)
