"""The state of all models, changed by one event at a time, without sockets or processes.

The caller applies an event, then calls `advance` and executes the actions that it returns.
"""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING

from modelgen_runtime.scheduling.scheduler import Plan, decide
from modelgen_runtime.scheduling.standing import State
from modelgen_runtime.state import refusals, switches
from modelgen_runtime.state.engine_events import SHORT_PAUSE, EngineEvents
from modelgen_runtime.state.holds import OPERATOR
from modelgen_runtime.state.lifecycle import Action, LifecycleEvent
from modelgen_runtime.state.sightings import Sightings

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from modelgen_runtime.engines.admission import RefusedError
    from modelgen_runtime.manifest import Manifest
    from modelgen_runtime.state.orders import Order, Ticket
    from modelgen_runtime.state.record import Record

_MOST_ROUNDS = 100
_GRACE_WHEN_HUNG = 5.0


class Board(EngineEvents, Sightings):
    """All models and their queues: requests of clients and operators, and the actions that follow."""

    def arrive(self, ticket: Ticket) -> None:
        """Queue a request."""
        model, limit = ticket.admission.model.id, self.manifest.settings.queue_limit
        record = self.records.get(model)
        if self._is_shut:
            ticket.refuse(refusals.stopping())
        elif record is None or record.is_removed:
            ticket.refuse(refusals.gone(model))
        elif shortage := self.shortage([model]):
            ticket.refuse(refusals.too_large(shortage))
        elif record.state is State.ABSENT:
            ticket.refuse(refusals.absent(model))
        elif record.failure is not None and record.not_before > self._clock() + SHORT_PAUSE:
            ticket.refuse(refusals.failed(record, self._clock()))
        elif sum(len(other.line) for other in self.records.values()) >= limit:
            ticket.refuse(refusals.full(limit))
        else:
            ticket.since = self._stamp()
            record.line.append(ticket)
            record.admission.queued = len(record.line)

    def withdraw(self, ticket: Ticket) -> None:
        """Remove a queued request whose client has left."""
        record = self.records.get(ticket.admission.model.id)
        if record is not None and ticket in record.line:
            record.line.remove(ticket)
            record.admission.queued = len(record.line)
            if not record.line and record.asked is None and not record.holds_memory:
                displaced, record.displaced = record.displaced, []
                switches.restore(displaced, self.records, self._clock())

    def ask(self, order: Order) -> None:
        """Begin a switch."""
        if self._is_shut:
            order.done(refusals.stopping())
            return
        order.since = self._stamp()
        switches.begin(order, self.records, self.shortage(order.models), self.policy.limits)

    def take_back(self, order: Order) -> None:
        """Withdraw a switch whose caller has left."""
        switches.withdraw(order, self.records, self._clock())

    def resume(self, models: Iterable[str]) -> None:
        """Request models that ran before, without evictions."""
        switches.restore(models, self.records, self._clock())

    def stop(self, model: str, done: Callable[[RefusedError | None], None]) -> None:
        """Drain a model and stop it; the next request starts it again."""
        record = self.records[model]
        record.holds.resumes = False
        self._abandon(record, refusals.stopped(model))
        record.is_dismissed = record.holds_memory
        self._halt(record, done)

    def hold(
        self,
        model: str,
        done: Callable[[RefusedError | None], None],
        owner: str = OPERATOR,
        lease: float | None = None,
    ) -> None:
        """Stop a model and do not start it until it is released; its requests wait.

        Args:
            model: Its id.
            done: Called when it has stopped.
            owner: Owner of the hold. Another hold by the same owner renews it.
            lease: Seconds after which the hold expires; a model that ran before starts again then.
        """
        record, now = self.records[model], self._clock()
        if not record.is_held:
            self._emit("held", record, f"by {owner}")
            record.holds.resumes = lease is not None and (record.is_resident or record.asked is not None)
        record.holds.until[owner] = math.inf if lease is None else now + lease
        self._abandon(record, refusals.held(record, now))
        self._halt(record, done)

    def release(self, model: str, owner: str | None = None) -> None:
        """End the hold of an owner, or all holds if no owner is given."""
        record = self.records[model]
        if record.holds.release(owner):
            self._let_go(record)

    def shut(self) -> None:
        """Refuse all queued requests, and start and stop no more engines: the orchestrator shuts down."""
        self._is_shut = True
        for record in self.records.values():
            record.refuse_line(refusals.stopping())
            self._abandon(record, refusals.stopping())

    def reload(self, manifest: Manifest) -> None:
        """Apply another manifest. Unchanged models are not touched."""
        new = {model.id: model for model in manifest.models}
        self.manifest = manifest
        for record in [*self.records.values()]:
            model = new.pop(record.model.id, None)
            record.is_removed = model is None
            record.successor = model if model != record.model else None
            if model is not None and record.successor is None:
                record.model = record.admission.model = (
                    model  # the same, but it may be written elsewhere in models.toml
                )
            if record.is_removed:
                record.refuse_line(refusals.gone(record.model.id))
                self._abandon(record, refusals.gone(record.model.id))
                record.unwant()
            elif record.successor is not None and record.is_resident:
                record.want(self._clock())
            if not record.holds_memory:
                self._settle(record)
        self.records |= {model.id: self._make(model) for model in new.values()}
        self._report(LifecycleEvent("reloaded", None))

    def advance(self) -> tuple[list[Action], float]:
        """Plan until nothing is left to do before the next event.

        Returns:
            What to do, and when to advance again even if nothing happens until then.
        """
        if self._is_shut:
            return [], math.inf
        actions, self._actions = self._actions, []
        for record in self.records.values():
            record.dispatch()
        expiry = self._expire_holds()
        for _ in range(_MOST_ROUNDS):
            standings = [record.standing for record in self.records.values()]
            plan = decide(standings, self.policy, self._clock())
            actions += self._check(plan)
            if not (plan.start or plan.stop or plan.drain or plan.open):
                self._is_contended = any(one.line is not None for one in standings)
                return actions, min(plan.wake, expiry)
            actions += self._apply(plan)
        raise AssertionError("the plans of one instant contradict each other")

    def _halt(self, record: Record, done: Callable[[RefusedError | None], None]) -> None:
        record.unwant()
        record.on_stopped.append(done)
        if not record.holds_memory:
            record.notify_stopped(None)

    def _expire_holds(self) -> float:
        """End expired leases, and return when the next one expires."""
        now = self._clock()
        for record in self.records.values():
            if record.holds.next <= now and (owner := record.holds.expire(now)) is not None:
                self._let_go(record, f"the lease of {owner} has run out")
        return min((record.holds.next for record in self.records.values()), default=math.inf)

    def _let_go(self, record: Record, detail: str | None = None) -> None:
        """Let a model run after its last hold; if it still drains, it is opened again."""
        self._emit("released", record, detail)
        # Callers that wait for its stop would never get an answer, unless it stops for another reason.
        if record.holds_memory and record.state is not State.STOPPING and not record.standing.leaves:
            record.notify_stopped(refusals.released(record.model.id))
        self._bring_back(record)

    def _check(self, plan: Plan) -> list[Action]:
        """Return the checks that are due, at most one at a time for each model."""
        due = [record for id_ in plan.check if not (record := self.records[id_]).is_checking]
        for record in due:
            record.is_checking = True
        return [Action("check", record.model) for record in due]

    def _apply(self, plan: Plan) -> list[Action]:
        now, actions = self._clock(), []
        for id_ in plan.open:
            self._enter(self.records[id_], State.READY, "its memory is no longer needed")
            self._open(self.records[id_])
        for id_, cause in plan.drain.items():
            record = self.records[id_]
            record.close(State.DRAINING)
            record.drain_until = now + self.manifest.settings.drain_timeout
            self._enter(record, State.DRAINING, f"for {cause}" if cause else None)
        for id_, cause in plan.stop.items():
            actions.append(self._dismiss(self.records[id_], cause))
        for id_ in plan.start:
            record = self.records[id_]
            switches.cancel_restores(record, self.records.values())
            record.began = now
            self._enter(record, State.STARTING)
            actions.append(Action("start", record.model))
        return actions

    def _dismiss(self, record: Record, cause: str | None) -> Action:
        if cause is not None:
            self.records[cause].displaced.append(record.model.id)
            self._emit("evicted", record, f"for {cause}")
        if record.successor is None:
            record.asked, record.without_eviction = None, False
        record.close(State.STOPPING)
        stopped = record.model
        if record.pending_failure is not None:  # it probably hangs and ignores SIGTERM
            stopped = replace(stopped, stop_grace=min(stopped.stop_grace, _GRACE_WHEN_HUNG))
        record.cut_leases(refusals.cut_short(record.model.id))
        record.is_resident = False
        for order in record.orders:  # of later callers
            order.open.add(record.model.id)
            record.want(order.since)
        self._enter(record, State.STOPPING)
        return Action("stop", stopped)
