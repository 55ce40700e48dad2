"""The state of one model."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from modelgen_runtime.scheduling.standing import Standing, State
from modelgen_runtime.state.holds import Holds

if TYPE_CHECKING:
    from collections.abc import Callable

    from modelgen_runtime.drivers.driver import Endpoint
    from modelgen_runtime.engines.admission import Admission, RefusedError
    from modelgen_runtime.engines.start_lines import Started
    from modelgen_runtime.manifest import Model
    from modelgen_runtime.state.orders import Failure, Order, Ticket

_FIRST_PAUSE, _LONGEST_PAUSE = 1.0, 60.0
_STABLE = 60.0
"""Seconds after which a ready engine counts as stable: its next failure counts as the first."""


@dataclass(eq=False, slots=True)
class Record:
    """A model, its engine and its queue.

    Args:
        admission: Admission of requests.
        model: Its entry in the manifest.
        state: State of the engine.
        endpoint: Address of the engine, while it runs.
        line: Queued requests in order of arrival.
        asked: When a switch, a profile or a restore requested it; None without such a request.
        without_eviction: Whether it is loaded only if no other model has to be evicted.
        orders: Its incomplete switches.
        is_resident: Whether it was ready, and was neither evicted nor stopped since.
        holds: Its holds.
        is_dismissed: Whether it is to be stopped. It may start again afterwards.
        successor: Its changed entry in a reloaded manifest, which replaces `model` once it has stopped.
        is_removed: Whether a reloaded manifest no longer contains it.
        displaced: Models that were evicted for it.
        began: Time of its start.
        ready_at: Time at which it became ready.
        drain_until: End of the drain timeout.
        failure: Its last failure; None once it was ready.
        failures: Number of failures in a row.
        not_before: Time of the next retry.
        on_stopped: Callbacks for when it has stopped.
        stuck: Why it cannot be stopped, or None.
        pending_failure: Failure for which it is being stopped; it starts again afterwards.
        checked_until: Time until which the last check that it can start is valid.
        is_checking: Whether such a check is running.
        started: What its engine printed at its last good start.
        start_seconds: Duration of its last good start; None before, and for an engine that ran already.
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
    started: Started | None = None
    start_seconds: float | None = None

    @property
    def is_held(self) -> bool:
        """Return whether it has a hold."""
        return bool(self.holds.until)

    @property
    def is_wanted(self) -> bool:
        """Return whether it should run: it does, or it is requested, or it resumes after a lease."""
        return self.is_resident or self.asked is not None or self.holds.resumes

    @property
    def holds_memory(self) -> bool:
        """Return whether its reserved memory is in use."""
        return self.state not in (State.ABSENT, State.STOPPED, State.FAILED)

    @property
    def standing(self) -> Standing:
        """The input of the scheduler."""
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
            keep_loaded=self.model.keep_loaded,
            checked_until=self.checked_until,
        )

    def open(self) -> None:
        """Admit requests, queued ones first."""
        self.state, self.admission.endpoint = State.READY, self.endpoint
        self.dispatch()

    def close(self, state: State) -> None:
        """Admit no further requests."""
        self.state, self.admission.endpoint = state, None

    def dispatch(self) -> None:
        """Admit as many queued requests as the engine takes."""
        while self.line and (lease := self.admission.admit()) is not None:
            if not self.line.popleft().grant(lease):
                lease.leave()
        self.admission.queued = len(self.line)

    def refuse_line(self, refusal: RefusedError) -> None:
        """Refuse all queued requests."""
        waiting, self.line = self.line, deque()
        self.admission.queued = 0
        for ticket in waiting:
            ticket.refuse(refusal)

    def cut_leases(self, reason: RefusedError) -> None:
        """End the requests in flight."""
        for lease in [*self.admission.leases]:
            if lease.cut is not None:
                lease.cut(reason)
            lease.leave()

    def want(self, now: float, *, without_eviction: bool = False) -> None:
        """Request it. The earliest time counts, and a request that may evict outweighs one that may not."""
        self.without_eviction = without_eviction and (self.without_eviction or self.asked is None)
        self.asked = now if self.asked is None else min(self.asked, now)

    def unwant(self) -> None:
        """Withdraw the request for it."""
        self.asked, self.without_eviction, self.is_resident = None, False, False

    def replace(self, now: float) -> None:
        """Take over the changed entry of the manifest. The engine does not run."""
        if self.successor is not None:
            self.model = self.admission.model = self.successor
            self.successor, self.failure, self.failures, self.not_before = None, None, 0, now
            self.checked_until = 0.0

    def notify_stopped(self, refusal: RefusedError | None) -> None:
        """Call the callbacks that wait for its stop."""
        waiting, self.on_stopped = self.on_stopped, []
        for done in waiting:
            done(refusal)

    def note_failure(self, failure: Failure, now: float) -> None:
        """Record a failure, and set the time of the next retry."""
        if self.ready_at and now - self.ready_at >= _STABLE:
            self.failures = 0
        self.failure, self.failures = failure, self.failures + 1
        self.not_before = now + min(_LONGEST_PAUSE, _FIRST_PAUSE * 2 ** (self.failures - 1))
        self.ready_at = 0.0
