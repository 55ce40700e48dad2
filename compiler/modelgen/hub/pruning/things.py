"""Define what `prune` can remove, as a list that is shown before anything is removed."""

from __future__ import annotations

from dataclasses import dataclass, field

UNNEEDED = "no registered models.lock needs it"


@dataclass(frozen=True)
class Thing:
    """Files that are removed together.

    Args:
        kind: `repository`, `snapshot`, `blobs`, `download`, `left-out`, `asset`, `leftover`, `aside` or `shared`.
        path: The path below the hub directory.
        why: Why it is not needed.
        folders: The folders to remove.
        files: The files to remove after all folders.
        bytes: The disk space that becomes free.
    """

    kind: str
    path: str
    why: str
    folders: tuple[str, ...] = ()
    files: tuple[str, ...] = ()
    bytes: int = 0


@dataclass
class Plan:
    """Everything that can be removed.

    Args:
        things: The things to remove.
        refs: The new commit of a ref, or None to remove it, by path below the hub directory.
        listings: New contents of listings, by path below the hub directory.
        local: Things that are not needed and kept, since there may be no other copy.
        left: What is kept because its use is unknown, and why.
        ref_bytes: The disk space of the removed refs.
    """

    things: list[Thing] = field(default_factory=list)
    refs: dict[str, str | None] = field(default_factory=dict)
    listings: dict[str, bytes] = field(default_factory=dict)
    local: list[Thing] = field(default_factory=list)
    left: dict[str, str] = field(default_factory=dict)
    ref_bytes: int = 0

    @property
    def bytes(self) -> int:
        """The disk space that the plan frees."""
        return self.ref_bytes + sum(thing.bytes for thing in self.things)
