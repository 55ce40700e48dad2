"""One model in the books of the task that owns all state."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from modelgen_runtime.holds import Holds
from modelgen_runtime.standing import Standing, State

if TYPE_CHECKING:
    from collections.abc import Callable

    from modelgen_runtime.admission import Admission, RefusedError
    from modelgen_runtime.driver import Endpoint
    from modelgen_runtime.manifest import Model
    from modelgen_runtime.orders import Failure, Order, Ticket

_FIRST_PAUSE, _LONGEST_PAUSE = 1.0, 60.0
_STABLE = 60.0
"""Seconds of life after which an engine's next failure counts as its first."""


@dataclass(eq=False, slots=True)
class Record:
    """A model, its engine and who waits for it.

    Args:
        admission: The way to it.
        model: As the manifest has it.
        state: Of its engine.
        endpoint: Where its engine listens, from its start to its end.
        line: Requests that wait, the first first.
        asked: When somebody asked for it to be resident; None where nobody has, or it is.
        without_eviction: Whether it is asked for only if nothing has to leave.
        orders: The switches that it is a part of and that are not complete.
        is_resident: Whether it ought to run: it was ready, and nothing has sent it away since.
        holds: Who keeps it from running.
        is_dismissed: Whether it is to stop, and may start again after that.
        successor: What the manifest has in its place; None for nothing new.
        is_removed: Whether the manifest has it no more.
        displaced: Models that were stopped so that it fits.
        began: When it was started.
        ready_at: When it became ready.
        drain_until: Until when its requests may run on.
        failure: Why it failed the last time; None once it was ready.
        failures: How often in a row.
        not_before: When it may be tried again.
        on_stopped: Who is told when it has stopped.
        stuck: Why it cannot be stopped; None while nothing is known against it.
        pending_failure: Why it is being stopped although it ought to run; None otherwise.
        checked_until: Until when it counts as startable.
        is_checking: Whether it is being looked at.
    """

    admission: Admission
    model: Model
    state: State = State.STOPPED
    endpoint: Endpoint | None = None
    line: deque[Ticket] = field(default_factory=deque)
    asked: float | None = None
    without_eviction: bool = False
    orders: list[Order] = field(default_factory=list)
    is_resident: bool = False
    holds: Holds = field(default_factory=Holds)
    is_dismissed: bool = False
    successor: Model | None = None
    is_removed: bool = False
    displaced: list[str] = field(default_factory=list)
    began: float = 0.0
    ready_at: float = 0.0
    drain_until: float = 0.0
    failure: Failure | None = None
    failures: int = 0
    not_before: float = 0.0
    on_stopped: list[Callable[[RefusedError | None], None]] = field(default_factory=list)
    stuck: str | None = None
    pending_failure: Failure | None = None
    checked_until: float = 0.0
    is_checking: bool = False

    @property
    def is_held(self) -> bool:
        """Whether it may not run."""
        return bool(self.holds.until)

    @property
    def is_wanted(self) -> bool:
        """Whether it ought to run: it does, or it is asked for, or it comes back after a lease."""
        return self.is_resident or self.asked is not None or self.holds.resumes

    @property
    def holds_memory(self) -> bool:
        """Whether its reservations count."""
        return self.state not in (State.ABSENT, State.STOPPED, State.FAILED)

    @property
    def standing(self) -> Standing:
        """What scheduling has to know."""
        return Standing(
            id=self.model.id,
            state=self.state,
            reservations=self.model.reservations,
            running=len(self.admission.leases),
            waiting=len(self.line),
            since=self.line[0].since if self.line else None,
            asked=self.asked,
            without_eviction=self.without_eviction,
            kept=min((order.since for order in self.orders), default=None),
            leaves=self.is_held
            or self.is_dismissed
            or self.is_removed
            or self.pending_failure is not None
            or self.successor is not None,
            used=self.admission.used,
            ready_at=self.ready_at,
            drain_until=self.drain_until,
            not_before=self.not_before,
            idle_timeout=self.model.idle_timeout,
            checked_until=self.checked_until,
        )

    def open(self) -> None:
        """Let requests in, those in line first."""
        self.state, self.admission.endpoint = State.READY, self.endpoint
        self.dispatch()

    def close(self, state: State) -> None:
        """Let nobody in from now on."""
        self.state, self.admission.endpoint = state, None

    def dispatch(self) -> None:
        """Let as many of the line through as the engine takes."""
        while self.line and (lease := self.admission.admit()) is not None:
            if not self.line.popleft().grant(lease):
                lease.leave()
        self.admission.queued = len(self.line)

    def refuse_line(self, refusal: RefusedError) -> None:
        """Send everybody in line away."""
        waiting, self.line = self.line, deque()
        self.admission.queued = 0
        for ticket in waiting:
            ticket.refuse(refusal)

    def cut_leases(self, reason: RefusedError) -> None:
        """End the requests that are with the engine."""
        for lease in [*self.admission.leases]:
            if lease.cut is not None:
                lease.cut(reason)
            lease.leave()

    def want(self, now: float, *, without_eviction: bool = False) -> None:
        """Ask for it to be resident; who asks first counts, and who asks firmly."""
        self.without_eviction = without_eviction and (self.without_eviction or self.asked is None)
        self.asked = now if self.asked is None else min(self.asked, now)

    def unwant(self) -> None:
        """Ask for it no more."""
        self.asked, self.without_eviction, self.is_resident = None, False, False

    def replace(self, now: float) -> None:
        """Become what the manifest has in its place; it does not run."""
        if self.successor is not None:
            self.model = self.admission.model = self.successor
            self.successor, self.failure, self.failures, self.not_before = None, None, 0, now
            self.checked_until = 0.0

    def notify_stopped(self, refusal: RefusedError | None) -> None:
        """Tell those who wait for its end."""
        waiting, self.on_stopped = self.on_stopped, []
        for done in waiting:
            done(refusal)

    def note_failure(self, failure: Failure, now: float) -> None:
        """Write down a failure, and how long to wait before the next try."""
        if self.ready_at and now - self.ready_at >= _STABLE:
            self.failures = 0
        self.failure, self.failures = failure, self.failures + 1
        self.not_before = now + min(_LONGEST_PAUSE, _FIRST_PAUSE * 2 ** (self.failures - 1))
        self.ready_at = 0.0
