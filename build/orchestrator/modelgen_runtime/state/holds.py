"""Holds, which keep a model stopped until their owner releases them or the lease expires."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

OPERATOR = "an operator"
"""Owner of a hold that names none."""


@dataclass(eq=False, slots=True)
class Holds:
    """The holds of one model, which may run once there are none.

    Args:
        until: Expiry of each owner's hold; infinity without a lease.
        resumes: Whether the model ran before its first lease, so that it starts again after the last hold.
    """

    until: dict[str, float] = field(default_factory=dict)
    resumes: bool = False

    @property
    def owner(self) -> str | None:
        """The owner of the hold that expires last, or None."""
        return max(self.until, key=lambda owner: self.until[owner], default=None)

    @property
    def end(self) -> float | None:
        """When the last hold expires; None without holds, or if one has no lease."""
        last = max(self.until.values(), default=math.inf)
        return None if last == math.inf else last

    @property
    def next(self) -> float:
        """When the next hold expires."""
        return min(self.until.values(), default=math.inf)

    def release(self, owner: str | None) -> bool:
        """End the hold of an owner, or all holds; return whether that was the last one."""
        was_held = bool(self.until)
        if owner is None:
            self.until.clear()
        else:
            self.until.pop(owner, None)
        return was_held and not self.until

    def expire(self, now: float) -> str | None:
        """End expired leases; return the owner of the last one if no hold is left."""
        owner = self.owner
        self.until = {one: end for one, end in self.until.items() if end > now}
        return None if self.until else owner
