"""The input of the scheduler: the state of each model at one instant."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping


class State(StrEnum):
    """The state of an engine."""

    ABSENT = "absent"
    STOPPED = "stopped"
    STARTING = "starting"
    READY = "ready"
    DRAINING = "draining"
    SLEEPING = "sleeping"
    STOPPING = "stopping"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Standing:
    """One model at one instant. Times are clock times in seconds.

    Args:
        id: Id of the model.
        state: State of the engine.
        reservations: Reserved bytes by GPU, which count while `holds_memory`.
        running: Requests in flight.
        waiting: Queued requests.
        since: Arrival of the first queued request, or None.
        asked: When a switch, a profile or a restore requested it; None without such a request.
        without_eviction: Whether it is loaded only if no other model has to be evicted, as after a failed switch.
        kept: Time of its earliest incomplete switch, or None. Only earlier requests evict it.
        leaves: Whether it has to stop regardless of requests: it is held, or removed from the manifest.
        used: Time at which its last request ended, or it became ready.
        ready_at: Time at which it became ready.
        drain_until: End of the drain timeout, while it drains.
        not_before: Time of the next retry after a failure.
        idle_timeout: Idle seconds after which it is stopped; None for never.
        keep_loaded: Whether other models never evict it.
        checked_until: Time until which the last check that it can start is valid, so that others may be evicted for it.
    """

    id: str
    state: State
    reservations: Mapping[str, int] = field(default_factory=dict)
    running: int = 0
    waiting: int = 0
    since: float | None = None
    asked: float | None = None
    without_eviction: bool = False
    kept: float | None = None
    leaves: bool = False
    used: float = 0.0
    ready_at: float = 0.0
    drain_until: float = 0.0
    not_before: float = 0.0
    idle_timeout: float | None = None
    keep_loaded: bool = False
    checked_until: float = math.inf

    @property
    def is_busy(self) -> bool:
        """Return whether requests are in flight or queued."""
        return self.running > 0 or self.waiting > 0

    @property
    def is_draining(self) -> bool:
        """Return whether it finishes its requests and admits no new ones."""
        return self.state is State.DRAINING

    @property
    def is_open(self) -> bool:
        """Return whether its engine serves requests, new ones or only those in flight."""
        return self.state in (State.READY, State.DRAINING)

    @property
    def in_transition(self) -> bool:
        """Return whether it starts or stops. Only one engine at a time does so on a GPU."""
        return self.state in (State.STARTING, State.STOPPING)

    @property
    def holds_memory(self) -> bool:
        """Return whether its reserved memory is in use."""
        return self.is_open or self.in_transition

    @property
    def is_awaited(self) -> bool:
        """Return whether a request or the caller of a switch waits for it. Restored models are not awaited."""
        return self.since is not None or self.kept is not None

    @property
    def line(self) -> float | None:
        """The earliest time of its queued requests and of `asked`, or None."""
        return min((time for time in (self.since, self.asked) if time is not None), default=None)
