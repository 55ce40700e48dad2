"""Deal contents onto volumes, and cut those that a volume or a file system cannot hold."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Sequence

PART = 2 * 2**30 - 64 * 2**20
"""The most bytes of a part: FAT ends at 4 GiB, some tools at 2 GiB."""
CLUSTER = 32 * 2**10
"""A file takes whole clusters of a volume, of this many bytes on most FAT drives."""
FAT_LIMIT = 2**32 - 1
"""The most bytes of a file on FAT (Microsoft, "FAT: General Overview of On-Disk Format", 1.03)."""
_SHORTEST = 2**20
"""A content of at most this size is never cut, and no part is shorter unless it is the last one."""
_PER_FILE = 400
"""The most bytes of a content or a part in bundle.json and SHA256SUMS together."""
_SLACK = 8 * CLUSTER
"""For folders, and for what the papers say about volumes."""


class Piece(NamedTuple):
    """A content or a part of one: its bytes, and its volume with `--split`."""

    size: int
    volume: int | None = None


class Dealer:
    """Deals contents in the order of the calls, so that the same calls give the same volumes.

    Args:
        room: The bytes for contents on each volume; None for one folder.
        longest: The most bytes of a file on the medium; None without a limit.
    """

    def __init__(self, room: int | None = None, longest: int | None = None) -> None:
        self._room = room
        self._longest = FAT_LIMIT if room is not None and longest is None else longest
        self._left = room or 0
        self.volumes = 0 if room is None else 1

    @property
    def state(self) -> tuple[int, int]:
        """The number of volumes, and the bytes that are left on the last one; set it to take deals back."""
        return self.volumes, self._left

    @state.setter
    def state(self, before: tuple[int, int]) -> None:
        self.volumes, self._left = before

    def deal(self, size: int) -> tuple[Piece, ...]:
        """Return where the bytes of a content go; several pieces if it has to be cut."""
        if self._room is None:
            return self._unsplit(size)
        if _whole(size) <= self._left and not self._is_too_long(size):
            return (self._take(size),)
        pieces = []
        while size:
            if self._left < min(_SHORTEST, _whole(size)) or (size <= _SHORTEST and self._left < _whole(size)):
                self.volumes, self._left = self.volumes + 1, self._room
            # Whole clusters, save at the end, so that no part wastes any.
            longest = min(self._left // CLUSTER * CLUSTER, PART)
            pieces.append(self._take(min(size, longest)))
            size -= pieces[-1].size
        return tuple(pieces)

    def _unsplit(self, size: int) -> tuple[Piece, ...]:
        if not self._is_too_long(size):
            return (Piece(size),)
        longest = min(PART, self._longest or PART)
        return tuple(Piece(min(longest, size - start)) for start in range(0, size, longest))

    def _take(self, size: int) -> Piece:
        self._left -= _whole(size)
        return Piece(size, self.volumes)

    def _is_too_long(self, size: int) -> bool:
        return self._longest is not None and size > self._longest


def _whole(size: int) -> int:
    """Return the bytes that a file takes on a volume."""
    return -(-size // CLUSTER) * CLUSTER


def room_for(split: int, papers: Sequence[int], contents: Sequence[int]) -> tuple[int | None, int]:
    """Return the bytes of a volume that are left for contents, None if too few, and the least bytes of a volume.

    Args:
        split: The bytes of a volume.
        papers: The sizes of the files that each volume has, without what grows with the contents.
        contents: The sizes of the contents.
    """
    total = sum(map(_whole, contents))
    parts = total // PART + 2 * (total // max(split // 2, _SHORTEST) + 1)
    grows = _PER_FILE * (len(contents) + parts)
    taken = sum(map(_whole, papers)) + _whole(grows) + _SLACK
    room = (split - taken) // CLUSTER * CLUSTER
    return (room if room >= _SHORTEST else None), taken + _SHORTEST + CLUSTER
