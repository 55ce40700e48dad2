"""The state of all models under any events: a state machine that plays the world, checked after every step."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import hypothesis.strategies as st
import pytest
from hypothesis import settings
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from modelgen_runtime.drivers.driver import Endpoint
from modelgen_runtime.manifest import Gpu, Manifest, Model, Readiness, Settings
from modelgen_runtime.scheduling.standing import State
from modelgen_runtime.state.board import Board
from modelgen_runtime.state.orders import Failure, Order, Ticket

if TYPE_CHECKING:
    from modelgen_runtime.engines.admission import Lease, RefusedError
    from modelgen_runtime.state.lifecycle import Action, LifecycleEvent

RESERVATIONS: dict[str, dict[str, int]] = {
    "a": {"g0": 6},
    "b": {"g0": 6},
    "c": {"g0": 4},
    "d": {"g0": 5, "g1": 5},
    "e": {"g1": 7},
    "f": {},
    "huge": {"g0": 99},
}
IDS = sorted(RESERVATIONS)
MODELS = st.sampled_from(IDS)


def make_manifest(
    *,
    without: frozenset[str] = frozenset(),
    grace: float = 1.0,
    min_loaded_time: float | None = None,
    prioritize_after: float | None = None,
) -> Manifest:
    models = tuple(
        Model(
            id_,
            (id_,),
            "command",
            Readiness("/health", 60.0),
            ("/v1/chat/completions",),
            reservations=reservations,
            stop_grace=grace if id_ == "a" else 1.0,
            idle_timeout=30.0 if id_ == "c" else None,
            concurrency=1 if id_ in ("b", "e") else None,
        )
        for id_, reservations in RESERVATIONS.items()
        if id_ not in without
    )
    settings_ = Settings(
        drain_timeout=20.0, queue_limit=8, min_loaded_time=min_loaded_time, prioritize_after=prioritize_after
    )
    return Manifest("demo", "process", models, (Gpu("g0", 12, 10), Gpu("g1", 12, 10)), settings=settings_)


@dataclass(eq=False)
class Client:
    """A request: in line, with an engine, or over."""

    model: str
    ticket: Ticket | None = None
    lease: Lease | None = None
    refusal: RefusedError | None = None
    is_gone: bool = False
    was_cut: bool = False

    @property
    def is_over(self) -> bool:
        return self.refusal is not None or self.is_gone or self.was_cut


@dataclass(eq=False)
class Asked:
    order: Order
    answers: list[RefusedError | None] = field(default_factory=list)
    has_left: bool = False

    @property
    def is_over(self) -> bool:
        return bool(self.answers) or self.has_left


class World(RuleBasedStateMachine):
    """Clients, an operator, engines and a clock."""

    @initialize(
        min_loaded_time=st.sampled_from([None, 5.0]),
        prioritize_after=st.sampled_from([None, 3.0]),
        resumed=st.sets(MODELS, max_size=3),
    )
    def begin(self, min_loaded_time: float | None, prioritize_after: float | None, resumed: set[str]) -> None:
        self.now, self.count = 100.0, 0
        self.min_loaded_time, self.prioritize_after = min_loaded_time, prioritize_after
        self.lifecycle_events: list[LifecycleEvent] = []
        self.poked = False
        manifest = make_manifest(min_loaded_time=min_loaded_time, prioritize_after=prioritize_after)
        self.board = Board(manifest, lambda: self.now, self.poke, self.lifecycle_events.append)
        self.doing: dict[str, str] = {}  # what the driver is about
        self.given_up: set[str] = set()
        self.checking: list[Model] = []
        self.clients: list[Client] = []
        self.asked: list[Asked] = []
        self.stops: list[list[RefusedError | None]] = []
        self.wake = math.inf
        self.board.resume(sorted(resumed))
        self.advance()

    def manifest(self, without: frozenset[str], grace: float) -> Manifest:
        return make_manifest(
            without=without, grace=grace, min_loaded_time=self.min_loaded_time, prioritize_after=self.prioritize_after
        )

    def poke(self) -> None:
        self.poked = True

    def advance(self) -> None:
        self.poked = False
        actions, self.wake = self.board.advance()
        for action in actions:
            self.do(action)
        assert self.wake > self.now

    def do(self, action: Action) -> None:
        if action.verb == "check":
            assert action.model not in self.checking
            self.checking.append(action.model)
            return
        busy = self.doing.get(action.model.id)
        assert busy is None or (busy == "start" and action.verb == "stop"), "one thing at a time for one engine"
        if busy == "start":
            self.given_up.add(action.model.id)
        self.doing[action.model.id] = action.verb

    def pick(self, verb: str, index: int) -> str | None:
        found = sorted(id_ for id_, doing in self.doing.items() if doing == verb)
        return found[index % len(found)] if found else None

    # -- clients ------------------------------------------------------------------------------------------------------

    @rule(model=MODELS)
    def request(self, model: str) -> None:
        record = self.board.records.get(model)
        if record is None:
            return
        client = Client(model)
        self.clients.append(client)
        if (lease := record.admission.enter()) is not None:
            self.seat(client, lease)
            return

        def grant(lease: Lease) -> bool:
            assert not client.is_over
            assert client.lease is None
            self.seat(client, lease)
            return True

        def refuse(refusal: RefusedError) -> None:
            assert not client.is_over
            client.refusal = refusal

        client.ticket = Ticket(record.admission, grant, refuse)
        self.board.arrive(client.ticket)
        self.advance()

    def seat(self, client: Client, lease: Lease) -> None:
        client.lease = lease

        def cut(reason: RefusedError) -> None:
            assert reason.message
            assert not client.was_cut
            client.was_cut = True

        lease.cut = cut

    @rule(index=st.integers(0, 20))
    def client_ends(self, index: int) -> None:
        alive = [client for client in self.clients if not client.is_over]
        if not alive:
            return
        client = alive[index % len(alive)]
        client.is_gone = True
        if client.lease is not None:
            client.lease.leave()
            if self.poked:
                self.advance()
        elif client.ticket is not None:
            self.board.withdraw(client.ticket)
            self.advance()

    # -- engines ------------------------------------------------------------------------------------------------------

    @rule(index=st.integers(0, 5))
    def starts(self, index: int) -> None:
        if (model := self.pick("start", index)) is not None:
            del self.doing[model]
            self.count += 1
            self.board.ready(model, Endpoint("127.0.0.1", 1, str(self.count)))
            self.advance()

    @rule(index=st.integers(0, 5), is_absent=st.booleans())
    def does_not_start(self, index: int, *, is_absent: bool) -> None:
        if (model := self.pick("start", index)) is not None:
            del self.doing[model]
            self.board.failed(model, Failure("exited with code 1", 1, ("no",), is_absent=is_absent))
            self.advance()

    @rule(problem=st.sampled_from([None, None, None, "absent", "no"]))
    def is_checked(self, problem: str | None) -> None:
        if self.checking:
            failure = None if problem is None else Failure(problem, is_absent=problem == "absent")
            self.board.checked(self.checking.pop(0), failure)
            self.advance()

    @rule(index=st.integers(0, 5))
    def stops_(self, index: int) -> None:
        if (model := self.pick("stop", index)) is not None:
            del self.doing[model]
            self.board.stopped(model)
            self.advance()

    @rule(index=st.integers(0, 5))
    def does_not_stop(self, index: int) -> None:
        if (model := self.pick("stop", index)) is not None:
            self.board.not_stopped(model, "it hangs")  # and is tried again
            self.advance()

    @rule(index=st.integers(0, 5), is_ready=st.booleans())
    def a_start_that_was_given_up_tells_of_itself(self, index: int, *, is_ready: bool) -> None:
        """It had ended before it could be cancelled."""
        if (model := self.pick("stop", index)) is not None and model in self.given_up:
            if is_ready:
                self.board.ready(model, Endpoint("127.0.0.1", 1, "late"))
            else:
                self.board.failed(model, Failure("late", 1))
            self.advance()

    @rule(index=st.integers(0, 5))
    def dies(self, index: int) -> None:
        alive = sorted(id_ for id_, record in self.board.records.items() if record.standing.is_open)
        if alive:
            self.board.failed(alive[index % len(alive)], Failure("died", -9))
            self.advance()

    @rule(index=st.integers(0, 5))
    def hangs(self, index: int) -> None:
        alive = sorted(id_ for id_, record in self.board.records.items() if record.standing.is_open)
        if alive:
            record = self.board.records[alive[index % len(alive)]]
            assert record.endpoint is not None
            self.board.give_up(record.model.id, record.endpoint.generation, Failure("stopped answering"))
            self.advance()

    @rule(seconds=st.sampled_from([0.5, 2.0, 10.0, 40.0]))
    def time_passes(self, seconds: float) -> None:
        until = self.now + seconds
        while self.wake <= until:
            self.now = self.wake
            self.advance()
        self.now = until

    # -- the operator -------------------------------------------------------------------------------------------------

    @rule(models=st.lists(MODELS, min_size=1, max_size=3, unique=True))
    def switch(self, models: list[str]) -> None:
        known = tuple(id_ for id_ in models if id_ in self.board.records)
        if known:
            answers: list[RefusedError | None] = []
            order = Order(known, answers.append)
            self.asked.append(Asked(order, answers))
            self.board.ask(order)
            self.advance()

    @rule(index=st.integers(0, 5))
    def an_operator_leaves(self, index: int) -> None:
        if waiting := [asked for asked in self.asked if not asked.is_over]:
            asked = waiting[index % len(waiting)]
            asked.has_left = True
            self.board.take_back(asked.order)
            self.advance()

    @rule(model=MODELS, verb=st.sampled_from(["stop", "hold", "lease", "release"]))
    def order(self, model: str, verb: str) -> None:
        if model not in self.board.records:
            return
        answers: list[RefusedError | None] = []
        if verb == "release":
            self.board.release(model)
        elif verb == "lease":
            self.board.hold(model, answers.append, "up", 15.0)
        else:
            (self.board.stop if verb == "stop" else self.board.hold)(model, answers.append)
        if verb != "release":
            self.stops.append(answers)
        self.advance()

    @rule(without=st.frozensets(MODELS, max_size=2), grace=st.sampled_from([1.0, 2.0]))
    def reload(self, without: frozenset[str], grace: float) -> None:
        self.board.reload(self.manifest(without, grace))
        self.advance()

    @rule(absent=st.frozensets(MODELS, max_size=2))
    def is_looked_at(self, absent: frozenset[str]) -> None:
        """Somebody removes what engines run in, or makes it anew."""
        self.board.note_absent(absent)
        self.advance()

    @rule(model=MODELS)
    def somebody_else_starts_one(self, model: str) -> None:
        """As far as it fits: what does not fit breaks what must hold, until it is stopped."""
        record = self.board.records.get(model)
        if record is None or record.holds_memory or record.is_held or self.board.shortage([model]):
            return
        held = [one for one in self.board.records.values() if one.holds_memory]
        if not any(one.model.reservations.keys() & record.model.reservations.keys() for one in held):
            self.board.note_unexpected(model)
            self.advance()

    # -- what must hold -----------------------------------------------------------------------------------------------

    @invariant()
    def no_card_has_more_reservations_than_its_limit(self) -> None:
        for gpu in ("g0", "g1"):
            held = [record for record in self.board.records.values() if record.holds_memory]
            assert sum(record.model.reservations.get(gpu, 0) for record in held) <= 10

    @invariant()
    def one_engine_at_a_time_starts_or_stops_on_a_card(self) -> None:
        for gpu in ("g0", "g1"):
            moving = [
                one
                for one in self.board.records.values()
                if one.standing.in_transition and gpu in one.model.reservations
            ]
            assert len(moving) <= 1

    @invariant()
    def the_books_are_right(self) -> None:
        for id_, record in self.board.records.items():
            assert (record.state is State.READY) == (record.admission.endpoint is not None), id_
            assert (id_ in self.doing) == record.standing.in_transition, id_
            assert record.admission.queued == len(record.line)
            seated = [one for one in self.clients if one.model == id_ and one.lease is not None and not one.is_over]
            assert len(seated) == len(record.admission.leases)
            limit = record.model.concurrency
            assert limit is None or len(record.admission.leases) <= limit
            assert not record.admission.leases or record.standing.is_open
        waiting = {client.ticket for client in self.clients if client.lease is None and not client.is_over}
        assert waiting == {ticket for record in self.board.records.values() for ticket in record.line}
        assert len(waiting) <= 8

    @invariant()
    def no_lease_outlives_its_end(self) -> None:
        assert all(record.holds.next > self.now for record in self.board.records.values())

    @invariant()
    def each_is_answered_once(self) -> None:
        assert all(len(asked.answers) <= 1 for asked in self.asked)
        assert not any(asked.answers and asked.has_left for asked in self.asked)
        open_ = {id(asked.order) for asked in self.asked if not asked.is_over}
        assert open_ == {id(order) for record in self.board.records.values() for order in record.orders}
        assert all(len(answers) <= 1 for answers in self.stops)

    def teardown(self) -> None:
        """Let the world be kind: then everybody is served or told why not, and nothing goes on for ever."""
        if not hasattr(self, "board"):
            return
        for record in [*self.board.records.values()]:
            self.board.release(record.model.id)
        self.advance()
        for _ in range(200):
            if not self.is_unfinished():
                break
            self.is_checked(None)
            self.starts(0)
            self.stops_(0)
            for client in [one for one in self.clients if one.lease is not None and not one.is_over]:
                client.is_gone = True
                assert client.lease is not None
                client.lease.leave()
            if self.poked:
                self.advance()
            seated = any(one.lease is not None and not one.is_over for one in self.clients)
            if not self.doing and not self.checking and not seated and self.is_unfinished():
                assert self.wake < math.inf, self.show()
                self.time_passes(self.wake - self.now)
        assert not self.is_unfinished(), self.show()

    def show(self) -> str:
        standings = [record.standing for record in self.board.records.values()]
        return f"somebody waits, and nothing would ever happen: {standings} {self.asked} {self.stops}"

    def is_unfinished(self) -> bool:
        waiting = any(client.lease is None and not client.is_over for client in self.clients)
        return waiting or any(not asked.is_over for asked in self.asked) or any(not answers for answers in self.stops)


TestWorld = pytest.mark.slow(World.TestCase)
TestWorld.settings = settings(max_examples=200, stateful_step_count=40, deadline=None)
