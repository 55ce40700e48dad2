"""Holds on a model, which keep it stopped: until their owner releases them, or until the lease expires."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

OPERATOR = "an operator"
"""Whoever holds a model without giving a name."""


@dataclass(eq=False, slots=True)
class Holds:
    """The holds of one model; it may run once there is none.

    Args:
        until: When the hold of each owner ends by itself; infinity for one that has to be released.
        resumes: Whether the model ran when it was first leased, so that it runs again after the last hold.
    """

    until: dict[str, float] = field(default_factory=dict)
    resumes: bool = False

    @property
    def owner(self) -> str | None:
        """The owner of the hold that lasts longest; None without holds."""
        return max(self.until, key=lambda owner: self.until[owner], default=None)

    @property
    def end(self) -> float | None:
        """When the last hold ends by itself; None where there is none, or where it has to be released."""
        last = max(self.until.values(), default=math.inf)
        return None if last == math.inf else last

    @property
    def next(self) -> float:
        """When the next hold ends by itself."""
        return min(self.until.values(), default=math.inf)

    def release(self, owner: str | None) -> bool:
        """End the hold of an owner, or of everybody; return whether the model may run by that."""
        was_held = bool(self.until)
        if owner is None:
            self.until.clear()
        else:
            self.until.pop(owner, None)
        return was_held and not self.until

    def expire(self, now: float) -> str | None:
        """End the leases that have run out; return whose was the last, if the model may run by that."""
        owner = self.owner
        self.until = {one: end for one, end in self.until.items() if end > now}
        return None if self.until else owner
