"""What is to be in a hub directory."""

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
    """What is to be in a hub directory.

    Args:
        hub: The hub directory.
        key: Names the models.toml and the lock that want it.
        checkouts: Snapshots.
        assets: Files that are on no hub.
        lacking: What models need and the lock does not have, as sentences: it is reported beside what is fetched.
        record: The record of the lock in the registry, by path in the hub directory; nothing if it is not registered.
    """

    hub: Path
    key: str
    checkouts: Sequence[Checkout]
    assets: Sequence[Asset]
    lacking: Sequence[ModelgenError] = ()
    record: Mapping[str, bytes] = field(default_factory=dict)

    def plan(self, seen: Seen) -> Plan:
        """Return what is missing now."""
        return plan(self.hub, self.checkouts, self.assets, seen)
