"""Define what `prune` can remove, as a list that is shown before anything is removed."""

from __future__ import annotations

from dataclasses import dataclass, field

UNNEEDED = "no registered models.lock needs it"


@dataclass(frozen=True)
class Thing:
    """Something that can go as one.

    Args:
        kind: `repository`, `snapshot`, `blobs`, `download`, `left-out`, `asset`, `leftover`, `aside` or `shared`.
        path: Below the hub directory.
        why: Why nobody misses it.
        folders: That go.
        files: That go after all folders.
        bytes: That the disk has more of then.
    """

    kind: str
    path: str
    why: str
    folders: tuple[str, ...] = ()
    files: tuple[str, ...] = ()
    bytes: int = 0


@dataclass
class Plan:
    """All that can go.

    Args:
        things: See there.
        refs: The commit that a ref is to name, or None where it goes, by path below the hub directory.
        listings: New contents of listings, by path below the hub directory.
        local: Things that nobody needs and that stay, since there may be no other copy.
        left: What stays because it cannot be judged, and why.
        ref_bytes: That the refs which go take.
    """

    things: list[Thing] = field(default_factory=list)
    refs: dict[str, str | None] = field(default_factory=dict)
    listings: dict[str, bytes] = field(default_factory=dict)
    local: list[Thing] = field(default_factory=list)
    left: dict[str, str] = field(default_factory=dict)
    ref_bytes: int = 0

    @property
    def bytes(self) -> int:
        """Bytes that the disk has more of when all has gone."""
        return self.ref_bytes + sum(thing.bytes for thing in self.things)
