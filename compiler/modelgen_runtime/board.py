"""The state of all models, changed by one event at a time: no socket or process is touched in here.

Whoever holds the board tells it what has happened, then lets it `advance`, and does what that returns.
"""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING

from modelgen_runtime import refusals, switches
from modelgen_runtime.gate import Gate
from modelgen_runtime.happenings import Action, Happening
from modelgen_runtime.holds import OPERATOR
from modelgen_runtime.record import Record
from modelgen_runtime.scheduler import Plan, Policy, decide
from modelgen_runtime.standing import State

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Mapping

    from modelgen_runtime.driver import Endpoint
    from modelgen_runtime.gate import RefusedError
    from modelgen_runtime.manifest import Manifest, Model
    from modelgen_runtime.orders import Failure, Order, Ticket


_MOST_ROUNDS = 100
_GRACE_OF_DOOMED = 5.0
_CHECKED = 5.0
"""Seconds for which a look at what is to be started counts."""
_SHORT_PAUSE = 2.0
"""Seconds that a request waits for a model that has failed; for longer it is told so at once."""


class Board:
    """All models, and who waits for them.

    Args:
        manifest: What there is.
        clock: Seconds, never going back.
        poke: Called when a request has left and that may change something.
        report: Told of everything that happens.
    """

    def __init__(
        self,
        manifest: Manifest,
        clock: Callable[[], float],
        poke: Callable[[], None],
        report: Callable[[Happening], None],
    ) -> None:
        self._clock, self._poke, self._report = clock, poke, report
        self._is_contended, self._is_shut, self._last = False, False, 0.0
        self._actions: list[Action] = []
        self.manifest = manifest
        self.records = {model.id: self._make(model) for model in manifest.models}

    def arrive(self, ticket: Ticket) -> None:
        """Put a request in line."""
        model, limit = ticket.gate.model.id, self.manifest.settings.queue_limit
        record = self.records.get(model)
        if self._is_shut:
            ticket.refuse(refusals.stopping())
        elif record is None or record.is_removed:
            ticket.refuse(refusals.gone(model))
        elif lack := self.lack([model]):
            ticket.refuse(refusals.too_large(lack))
        elif record.state is State.ABSENT:
            ticket.refuse(refusals.absent(model))
        elif record.failure is not None and record.not_before > self._clock() + _SHORT_PAUSE:
            ticket.refuse(refusals.failed(record, self._clock()))
        elif sum(len(other.line) for other in self.records.values()) >= limit:
            ticket.refuse(refusals.full(limit))
        else:
            ticket.since = self._stamp()
            record.line.append(ticket)
            record.gate.queued = len(record.line)

    def withdraw(self, ticket: Ticket) -> None:
        """Take a request out of the line: its client has gone."""
        record = self.records.get(ticket.gate.model.id)
        if record is not None and ticket in record.line:
            record.line.remove(ticket)
            record.gate.queued = len(record.line)
            if not record.line and record.asked is None and not record.holds_memory:
                displaced, record.displaced = record.displaced, []
                switches.restore(displaced, self.records, self._clock())

    def ask(self, order: Order) -> None:
        """Begin a switch."""
        if self._is_shut:
            order.done(refusals.stopping())
            return
        order.since = self._stamp()
        switches.begin(order, self.records, self.lack(order.models), self.policy.limits)

    def take_back(self, order: Order) -> None:
        """Wait for a switch no more: its caller has gone."""
        switches.withdraw(order, self.records, self._clock())

    def resume(self, models: Iterable[str]) -> None:
        """Ask for models that ran before, as far as they fit beside each other."""
        switches.restore(models, self.records, self._clock())

    def adopt(self, model: str, endpoint: Endpoint) -> Action:
        """Take over an engine that runs already; whether it serves is to be found out."""
        record = self.records[model]
        record.endpoint, record.began = endpoint, self._clock()
        record.want(record.began)
        self._enter(record, State.STARTING, "it runs already")
        return Action("await", record.model)

    def stop(self, model: str, done: Callable[[RefusedError | None], None]) -> None:
        """Stop a model once its requests have ended; the next request starts it again."""
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
            owner: Who holds it; the same owner's next hold renews this one.
            lease: Seconds after which the hold ends by itself; what ran before it comes back then.
        """
        record, now = self.records[model], self._clock()
        if not record.is_held:
            self._tell("held", record, f"by {owner}")
            record.holds.resumes = lease is not None and (record.is_resident or record.asked is not None)
        record.holds.until[owner] = math.inf if lease is None else now + lease
        self._abandon(record, refusals.held(record, now))
        self._halt(record, done)

    def release(self, model: str, owner: str | None = None) -> None:
        """Let a model start again that an owner has held, or that anybody has."""
        record = self.records[model]
        if record.holds.release(owner):
            self._let_go(record)

    def shut(self) -> None:
        """Refuse everybody who waits, and start and stop nothing more: the orchestrator ends."""
        self._is_shut = True
        for record in self.records.values():
            record.refuse_line(refusals.stopping())
            self._abandon(record, refusals.stopping())

    def ready(self, model: str, endpoint: Endpoint) -> None:
        """Note that an engine serves; one whose start was given up meanwhile is stopped all the same."""
        record, now = self.records[model], self._clock()
        if record.state is not State.STARTING:
            return
        record.endpoint, record.ready_at, record.gate.used, record.failure = endpoint, now, now, None
        record.gate.errors.clear()
        self._enter(record, State.READY, seconds=now - record.began)
        self._open(record)

    def failed(self, model: str, failure: Failure) -> None:
        """Note that an engine did not start, or has died unasked; nothing of it is left."""
        record, now, before = self.records[model], self._clock(), self.records[model].state
        if not record.holds_memory or before is State.STOPPING:
            return  # its start was given up meanwhile, and its stop tells when it is gone
        if record.is_held and before is not State.STARTING:
            self.stopped(model)
            return
        record.note_failure(failure, now)
        generation = None if record.endpoint is None else record.endpoint.generation
        was_resident, record.endpoint, record.doomed, record.stuck = record.is_resident, None, None, None
        record.close(State.ABSENT if failure.is_absent else State.FAILED)
        self._enter(record, record.state, failure.message)
        refusal = refusals.failed(record, now)
        if generation is not None:
            record.ended = (generation, refusal)
        record.cut_leases(refusal)
        record.unwant()
        displaced = [*record.displaced]
        self._abandon(record, refusal)
        if before is State.STARTING or record.not_before > now + _SHORT_PAUSE:
            record.refuse_line(refusal)
        if before is State.STARTING:
            record.displaced.clear()
            switches.restore(displaced, self.records, now)
        elif before is State.READY and was_resident:
            record.want(now, gentle=True)
        self._settle(record)

    def give_up(self, model: str, generation: str, failure: Failure) -> None:
        """Stop an engine that serves nobody any more although it lives; it is started again."""
        record, now = self.records.get(model), self._clock()
        if record is None or record.endpoint is None or record.endpoint.generation != generation:
            return
        if record.doomed is not None or not record.standing.is_open:
            return
        record.note_failure(failure, now)
        record.doomed, refusal = failure, refusals.failed(record, now)
        record.ended = (generation, refusal)
        record.close(State.DRAINING)
        record.drain_until = now
        self._enter(record, State.DRAINING, failure.message)
        record.cut_leases(refusal)
        if record.not_before > now + _SHORT_PAUSE:
            record.refuse_line(refusal)

    def checked(self, model: Model, failure: Failure | None) -> RefusedError | None:
        """Note whether a model could be started, and return why not; nobody leaves for one that could not."""
        record, now = self.records.get(model.id), self._clock()
        if record is None:
            return None
        record.is_checking = False
        if record.model != model or record.holds_memory:
            return None  # another was looked at, or it has got its room in another way
        if failure is None:
            record.checked_until = now + _CHECKED
            return None
        record.note_failure(failure, now)
        self._enter(record, State.ABSENT if failure.is_absent else State.FAILED, failure.message)
        refusal = refusals.failed(record, now)
        self._refuse_all(record, refusal)
        return refusal

    def stopped(self, model: str) -> None:
        """Note that nothing of an engine is left."""
        record, now = self.records[model], self._clock()
        doomed, record.doomed = record.doomed, None
        record.endpoint = record.stuck = None
        record.close(State.STOPPED if doomed is None else State.FAILED)
        record.cut_leases(refusals.ended(model))
        self._enter(record, record.state)
        if doomed is not None and not record.is_held:
            record.want(now, gentle=True)
        self._settle(record)

    def not_stopped(self, model: str, why: str) -> None:
        """Note that an engine cannot be stopped: who waits for its cards is told so."""
        stuck, refusal = self.records[model], refusals.stuck(model, why)
        stuck.stuck = why
        self._tell("stuck", stuck, why)
        for record in self.records.values():
            if record.model.claims.keys() & stuck.model.claims.keys() and not record.holds_memory:
                record.refuse_line(refusal)
                self._abandon(record, refusal)
        stuck.tell_stopped(refusal)

    def note_absent(self, absent: Collection[str]) -> None:
        """Note which models have nothing to be started; one that has it again may be tried at once."""
        for id_, record in self.records.items():
            if id_ in absent and record.state in (State.STOPPED, State.FAILED):
                record.checked_until = 0.0
                self._enter(record, State.ABSENT)
                self._refuse_all(record, refusals.absent(id_))
            elif id_ not in absent and record.state is State.ABSENT:
                record.failure, record.failures, record.not_before = None, 0, 0.0
                self._enter(record, State.STOPPED)
                self._bring_back(record)

    def note_astray(self, model: str) -> None:
        """Take over an engine that somebody else has started, if it fits; else it is stopped, for its card is taken."""
        record, cards = self.records[model], self.records[model].model.claims
        if record.holds_memory:
            return
        others = [one for one in self.records.values() if one.holds_memory]
        is_moving = any(one.standing.in_transition and one.model.claims.keys() & cards for one in others)
        claimed = {gpu: sum(one.model.claims.get(gpu, 0) for one in others) for gpu in cards}
        fits = all(claimed[gpu] + size <= self.policy.limits[gpu] for gpu, size in cards.items())
        if fits and not is_moving and not record.is_held:
            record.began = self._clock()
            record.want(record.began)
            self._enter(record, State.STARTING, "somebody else has started it")
            self._actions.append(Action("start", record.model))
        else:
            record.close(State.STOPPING)
            reason = "it is held" if record.is_held else "its room is taken"
            self._enter(record, State.STOPPING, f"somebody else has started it, and {reason}")
            self._actions.append(Action("stop", record.model))

    def note_containers(self, containers: Mapping[str, str]) -> None:
        """Forget the failures of containers that others have taken the place of: they may be tried at once."""
        for id_, container in containers.items():
            record = self.records.get(id_)
            failed = None if record is None or record.failure is None else record.failure.container
            if record is not None and failed not in (None, container):
                record.failure, record.failures, record.not_before = None, 0, 0.0
                if record.state is State.FAILED:
                    self._enter(record, State.STOPPED, "its container was made anew")

    def reload(self, manifest: Manifest) -> None:
        """Go by another manifest; models that it has unchanged are not touched."""
        new = {model.id: model for model in manifest.models}
        self.manifest = manifest
        for record in [*self.records.values()]:
            model = new.pop(record.model.id, None)
            record.is_removed = model is None
            record.successor = model if model != record.model else None
            if model is not None and record.successor is None:
                record.model = record.gate.model = model  # the same, but it may be written elsewhere in models.toml
            if record.is_removed:
                record.refuse_line(refusals.gone(record.model.id))
                self._abandon(record, refusals.gone(record.model.id))
                record.unwant()
            elif record.successor is not None and record.is_resident:
                record.want(self._clock())
            if not record.holds_memory:
                self._settle(record)
        self.records |= {model.id: self._make(model) for model in new.values()}
        self._report(Happening("reloaded", None))

    def advance(self) -> tuple[list[Action], float]:
        """Bring everything to where it waits for the world again.

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

    @property
    def policy(self) -> Policy:
        """What protects models from each other."""
        settings = self.manifest.settings
        limits = {gpu.name: gpu.limit for gpu in self.manifest.gpus}
        return Policy(limits, settings.min_active, settings.max_wait)

    def lack(self, models: Iterable[str]) -> dict[str, int]:
        """Return what cards lack for models to be resident together, in bytes; empty where nothing does."""
        need: dict[str, int] = {}
        for id_ in models:
            for gpu, size in self.records[id_].model.claims.items():
                need[gpu] = need.get(gpu, 0) + size
        limits = self.policy.limits
        return {gpu: size - limits.get(gpu, 0) for gpu, size in need.items() if size > limits.get(gpu, 0)}

    def wanted(self) -> list[str]:
        """Return the models that ought to run: what the next orchestrator resumes."""
        return sorted(id_ for id_, record in self.records.items() if record.is_wanted)

    def _halt(self, record: Record, done: Callable[[RefusedError | None], None]) -> None:
        record.unwant()
        record.on_stopped.append(done)
        if not record.holds_memory:
            record.tell_stopped(None)

    def _expire_holds(self) -> float:
        """End the leases that nobody renewed, and return when the next one runs out."""
        now = self._clock()
        for record in self.records.values():
            if record.holds.next <= now and (owner := record.holds.expire(now)) is not None:
                self._let_go(record, f"the lease of {owner} has run out")
        return min((record.holds.next for record in self.records.values()), default=math.inf)

    def _let_go(self, record: Record, detail: str | None = None) -> None:
        """Let a model run whose last hold has ended; one that still drains for it is opened again."""
        self._tell("released", record, detail)
        if record.standing.is_open and not record.is_dismissed:
            record.tell_stopped(refusals.released(record.model.id))
        self._bring_back(record)

    def _bring_back(self, record: Record) -> None:
        """Ask for a model that ran before it was leased, once it may run and has something to be started."""
        if record.holds.resumes and not record.is_held and record.state is not State.ABSENT:
            record.holds.resumes = False
            record.want(self._clock(), gentle=True)

    def _check(self, plan: Plan) -> list[Action]:
        """Return the looks that are due; one at a time for each model."""
        due = [record for id_ in plan.check if not (record := self.records[id_]).is_checking]
        for record in due:
            record.is_checking = True
        return [Action("check", record.model) for record in due]

    def _apply(self, plan: Plan) -> list[Action]:
        now, actions = self._clock(), []
        for id_ in plan.open:
            self._enter(self.records[id_], State.READY, "nobody needs its room any more")
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
            switches.forget_gentle(record, self.records.values())
            record.began = now
            self._enter(record, State.STARTING)
            actions.append(Action("start", record.model))
        return actions

    def _dismiss(self, record: Record, cause: str | None) -> Action:
        if cause is not None:
            self.records[cause].displaced.append(record.model.id)
            self._tell("evicted", record, f"for {cause}")
        if record.successor is None:
            record.asked, record.gentle = None, False
        record.close(State.STOPPING)
        stopped = record.model
        if record.doomed is not None:  # it hangs, most likely, and will not hear SIGTERM
            stopped = replace(stopped, stop_grace=min(stopped.stop_grace, _GRACE_OF_DOOMED))
        record.cut_leases(refusals.cut_short(record.model.id))
        record.is_resident = False
        for order in record.orders:  # of somebody who came later
            order.open.add(record.model.id)
            record.want(order.since)
        self._enter(record, State.STOPPING)
        return Action("stop", stopped)

    def _open(self, record: Record) -> None:
        switches.note_ready(record, self.records)
        record.open()

    def _settle(self, record: Record) -> None:
        """Do what waited for an engine's end."""
        record.is_dismissed = False
        record.tell_stopped(None)
        if record.is_removed:
            del self.records[record.model.id]
        record.replace(self._clock())

    def _refuse_all(self, record: Record, refusal: RefusedError) -> None:
        """Send away all who wait for a model that cannot start; who left for it comes back."""
        record.unwant()
        self._abandon(record, refusal)
        record.refuse_line(refusal)
        displaced, record.displaced = record.displaced, []
        switches.restore(displaced, self.records, self._clock())

    def _abandon(self, record: Record, refusal: RefusedError) -> None:
        for order in [*record.orders]:
            switches.abandon(order, self.records, refusal, self._clock())

    def _stamp(self) -> float:
        """Return the time, later than any that was returned before: who came first is never in doubt."""
        self._last = max(self._clock(), math.nextafter(self._last, math.inf))
        return self._last

    def _make(self, model: Model) -> Record:
        return Record(Gate(model, on_leave=self._note_leave), model)

    def _note_leave(self, gate: Gate) -> None:
        gate.used = self._clock()
        if gate.endpoint is None or gate.queued or (self._is_contended and not gate.leases):
            self._poke()

    def _enter(self, record: Record, state: State, detail: str | None = None, *, seconds: float | None = None) -> None:
        record.state = state
        self._tell(state, record, detail, seconds)

    def _tell(self, kind: str, record: Record, detail: str | None = None, seconds: float | None = None) -> None:
        self._report(Happening(kind, record.model.id, detail, seconds))
