"""Events of engines: ready, failed, exited, hung, or impossible to stop."""

from __future__ import annotations

from typing import TYPE_CHECKING

from modelgen_runtime.scheduling.standing import State
from modelgen_runtime.state import refusals, switches
from modelgen_runtime.state.books import Books
from modelgen_runtime.state.lifecycle import Action

if TYPE_CHECKING:
    from modelgen_runtime.drivers.driver import Endpoint
    from modelgen_runtime.engines.admission import RefusedError
    from modelgen_runtime.manifest import Model
    from modelgen_runtime.state.orders import Failure
    from modelgen_runtime.state.record import Record

_CHECKED = 5.0
"""Seconds for which a check that an engine can start is valid."""
SHORT_PAUSE = 2.0
"""Seconds that a request waits for the retry of a failed model; before a longer pause, it is refused."""


class EngineEvents(Books):
    """The part of the board that applies events of engines and their driver."""

    def adopt(self, model: str, endpoint: Endpoint) -> Action:
        """Adopt an engine that already runs, and wait until it serves."""
        record = self.records[model]
        record.endpoint, record.began = endpoint, self._clock()
        record.want(record.began)
        self._enter(record, State.STARTING, "it runs already")
        return Action("await", record.model)

    def ready(self, model: str, endpoint: Endpoint) -> None:
        """Note that an engine serves. If its start was canceled, it is stopped nevertheless."""
        record, now = self.records[model], self._clock()
        if record.state is not State.STARTING:
            return
        if record.endpoint is None:  # otherwise it ran already
            record.start_seconds = now - record.began
        record.endpoint, record.ready_at, record.admission.used, record.failure = endpoint, now, now, None
        record.admission.errors.clear()
        self._enter(record, State.READY, seconds=now - record.began)
        self._open(record)

    def failed(self, model: str, failure: Failure) -> None:
        """Note that an engine did not start, or exited by itself. No process of it is left."""
        record, now, before = self.records[model], self._clock(), self.records[model].state
        if not record.holds_memory or before is State.STOPPING:
            return  # its start was canceled, and its stop reports its end
        if record.is_held and before is not State.STARTING:
            self.stopped(model)
            return
        record.note_failure(failure, now)
        was_resident, record.endpoint, record.pending_failure, record.stuck = record.is_resident, None, None, None
        record.close(State.ABSENT if failure.is_absent else State.FAILED)
        self._enter(record, record.state, failure.message)
        refusal = refusals.failed(record, now)
        record.cut_leases(refusal)
        record.unwant()
        displaced = [*record.displaced]
        self._abandon(record, refusal)
        if before is State.STARTING or record.not_before > now + SHORT_PAUSE:
            record.refuse_line(refusal)
        if before is State.STARTING:
            record.displaced.clear()
            switches.restore(displaced, self.records, now)
        elif before is State.READY and was_resident:
            record.want(now, without_eviction=True)
        self._settle(record)

    def give_up(self, model: str, generation: str, failure: Failure) -> None:
        """Stop an engine that is alive but no longer serves, and start it again."""
        record, now = self.records.get(model), self._clock()
        if record is None or record.endpoint is None or record.endpoint.generation != generation:
            return
        if record.pending_failure is not None or not record.standing.is_open:
            return
        record.note_failure(failure, now)
        record.pending_failure, refusal = failure, refusals.failed(record, now)
        record.close(State.DRAINING)
        record.drain_until = now
        self._enter(record, State.DRAINING, failure.message)
        record.cut_leases(refusal)
        if record.not_before > now + SHORT_PAUSE:
            record.refuse_line(refusal)

    def checked(self, model: Model, failure: Failure | None) -> RefusedError | None:
        """Note the result of a check, and return the refusal if the model cannot start."""
        record, now = self.records.get(model.id), self._clock()
        if record is None:
            return None
        record.is_checking = False
        if record.model != model or record.holds_memory:
            return None  # the check is outdated, or the model runs already
        if failure is None:
            record.checked_until = now + _CHECKED
            return None
        record.note_failure(failure, now)
        self._enter(record, State.ABSENT if failure.is_absent else State.FAILED, failure.message)
        refusal = refusals.failed(record, now)
        self._refuse_all(record, refusal)
        return refusal

    def stopped(self, model: str) -> None:
        """Note that an engine has stopped and no process of it is left."""
        record, now = self.records[model], self._clock()
        pending, record.pending_failure = record.pending_failure, None
        record.endpoint = record.stuck = None
        record.close(State.STOPPED if pending is None else State.FAILED)
        record.cut_leases(refusals.ended(model))
        self._enter(record, record.state)
        if pending is not None and not record.is_held:
            record.want(now, without_eviction=True)
        self._settle(record)

    def not_stopped(self, model: str, why: str) -> None:
        """Note that an engine cannot be stopped, and refuse the requests that wait for its GPUs."""
        stuck, refusal = self.records[model], refusals.stuck(model, why)
        stuck.stuck = why
        self._emit("stuck", stuck, why)
        for record in self.records.values():
            if record.model.reservations.keys() & stuck.model.reservations.keys() and not record.holds_memory:
                record.refuse_line(refusal)
                self._abandon(record, refusal)
        stuck.notify_stopped(refusal)

    def _open(self, record: Record) -> None:
        switches.note_ready(record, self.records)
        record.open()
