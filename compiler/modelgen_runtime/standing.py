"""How a model stands, as far as scheduling has to know."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping


class State(StrEnum):
    """Of a model's engine."""

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
    """One model at one instant; times are of one clock, in seconds.

    Args:
        id: Of the model.
        state: Of its engine.
        reservations: Bytes of each GPU, while it is neither absent, stopped nor failed.
        running: Requests with the engine.
        waiting: Requests in line.
        since: When the first in line came; None without one.
        asked: When somebody asked for it to be resident (a switch, a profile); None where nobody has, or it is.
        without_eviction: Whether it is asked for only if nothing has to leave: after a switch that failed.
        kept: Since when it belongs to a switch that is not complete: only who came before evicts it. None without one.
        leaves: Whether it has to stop whatever else is asked for: it is held, or gone from the manifest.
        used: When its last request ended, or it became ready.
        ready_at: When it became ready.
        drain_until: Until when its requests may run on, where it drains.
        not_before: Before this it is not started again on behalf of requests: it has failed.
        idle_timeout: Seconds without a request after which it stops; None for never.
        checked_until: Until when it counts as startable, so that others may leave for it.
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
    checked_until: float = math.inf

    @property
    def is_busy(self) -> bool:
        """Whether requests run or wait."""
        return self.running > 0 or self.waiting > 0

    @property
    def is_draining(self) -> bool:
        """Whether no further request is let in."""
        return self.state is State.DRAINING

    @property
    def is_open(self) -> bool:
        """Whether its engine serves, be it only what it has begun."""
        return self.state in (State.READY, State.DRAINING)

    @property
    def in_transition(self) -> bool:
        """Whether it starts or stops: one such engine at a time on a card."""
        return self.state in (State.STARTING, State.STOPPING)

    @property
    def holds_memory(self) -> bool:
        """Whether its reservations count."""
        return self.is_open or self.in_transition

    @property
    def is_awaited(self) -> bool:
        """Whether a request or the caller of a switch waits for it now; models that are resumed are not awaited."""
        return self.since is not None or self.kept is not None

    @property
    def line(self) -> float | None:
        """When the first came who waits for it, be it a request or a switch; None when nobody does."""
        return min((time for time in (self.since, self.asked) if time is not None), default=None)
