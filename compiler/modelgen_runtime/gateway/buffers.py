"""A limit on the memory for the bodies of queued requests."""

from __future__ import annotations

from modelgen_runtime.state import refusals


class Buffers:
    """Counts the bytes of bodies that are buffered until an engine takes them.

    Args:
        limit: Maximum sum in bytes.
    """

    def __init__(self, limit: int) -> None:
        self.limit, self.held = limit, 0

    def take(self, count: int) -> None:
        """Count further bytes.

        Raises:
            RefusedError: There is no room for them.
        """
        if self.held + count > self.limit:
            raise refusals.buffers_full(self.limit)
        self.held += count

    def give_back(self, count: int) -> None:
        """Release counted bytes."""
        self.held -= count
