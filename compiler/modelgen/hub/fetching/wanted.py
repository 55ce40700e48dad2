"""Define the files that should be in a hub directory."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from modelgen.hub.fetching.planning import Plan, plan

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from modelgen.files import ModelgenError
    from modelgen.hub.fetching.remembered import Seen
    from modelgen.hub.layout import Checkout
    from modelgen.lockfile.entries import Asset


@dataclass(frozen=True)
class Wanted:
    """The files that should be in a hub directory.

    Args:
        hub: The hub directory.
        key: Identifies the models.toml and the lock.
        checkouts: The snapshots.
        assets: Files that are on no hub.
        not_locked: What models need and the lock does not have, as sentences: it is reported beside what is fetched.
        record: The lock's record in the registry, by its path in the hub directory; empty if not registered.
    """

    hub: Path
    key: str
    checkouts: Sequence[Checkout]
    assets: Sequence[Asset]
    not_locked: Sequence[ModelgenError] = ()
    record: Mapping[str, bytes] = field(default_factory=dict)

    def plan(self, seen: Seen) -> Plan:
        """Return what is missing now."""
        return plan(self.hub, self.checkouts, self.assets, seen)
