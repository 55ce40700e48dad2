"""Holds: until somebody releases them, or as leases that end by themselves."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from modelgen_runtime.control_api.views import show_model
from modelgen_runtime.drivers.driver import Endpoint
from modelgen_runtime.manifest import Manifest, Model, Readiness
from modelgen_runtime.scheduling.standing import State
from modelgen_runtime.state.board import Board
from modelgen_runtime.state.orders import Order
from runtime_serving import engine, manifest, serving, wait_for

if TYPE_CHECKING:
    from pathlib import Path

    from modelgen_runtime.engines.admission import RefusedError
    from modelgen_runtime.state.lifecycle import LifecycleEvent

pytestmark = pytest.mark.slow  # starts processes

UP = "modelgen up on host pid 7"


class Desk:
    """A board with one model, a clock, and engines that do at once what they are asked."""

    def __init__(self) -> None:
        self.now = 100.0
        self.lifecycle_events: list[LifecycleEvent] = []
        model = Model("a", ("a",), "command", Readiness("/health", 60.0), ("/v1/chat/completions",))
        self.board = Board(
            Manifest("demo", "process", (model,)), lambda: self.now, lambda: None, self.lifecycle_events.append
        )
        self.record = self.board.records["a"]

    def is_in(self, state: State) -> bool:
        return self.record.state is state

    def advance(self) -> float:
        while True:
            actions, wake = self.board.advance()
            if not actions:
                return wake
            for action in actions:
                if action.verb == "stop":
                    self.board.stopped("a")
                else:
                    self.board.ready("a", Endpoint("127.0.0.1", 1, "1"))

    def switch(self) -> RefusedError | None:
        answers: list[RefusedError | None] = []
        self.board.ask(Order(("a",), answers.append))
        self.advance()
        return answers[0]

    def hold(self, owner: str, lease: float | None) -> float:
        answers: list[RefusedError | None] = []
        self.board.hold("a", answers.append, owner, lease)
        wake = self.advance()
        assert answers == [None]
        return wake


@pytest.fixture
def desk() -> Desk:
    return Desk()


def test_a_lease_that_nobody_renews_ends_by_itself(desk: Desk) -> None:
    assert desk.switch() is None
    assert desk.hold(UP, 15.0) == 115.0  # when the board has to look again
    assert desk.is_in(State.STOPPED)
    desk.now = 115.0
    desk.advance()
    assert not desk.record.is_held
    assert desk.is_in(State.READY)  # it ran before
    assert "the lease of modelgen up on host pid 7 has run out" in [one.detail for one in desk.lifecycle_events]


def test_a_lease_that_is_renewed_goes_on(desk: Desk) -> None:
    desk.hold(UP, 15.0)
    desk.now = 114.0
    assert desk.hold(UP, 15.0) == 129.0
    desk.now = 128.0
    desk.advance()
    assert desk.record.is_held
    assert [one.kind for one in desk.lifecycle_events].count("held") == 1


def test_what_did_not_run_does_not_run_after_a_lease(desk: Desk) -> None:
    desk.hold(UP, 15.0)
    desk.now = 115.0
    desk.advance()
    assert (desk.record.is_held, desk.is_in(State.STOPPED)) == (False, True)


def test_a_released_lease_brings_back_what_ran_and_an_operators_hold_does_not(desk: Desk) -> None:
    desk.switch()
    desk.hold(UP, 15.0)
    assert desk.board.wanted() == ["a"]  # for an orchestrator that starts meanwhile
    desk.board.release("a", UP)
    desk.advance()
    assert desk.is_in(State.READY)
    desk.hold("an operator", None)
    assert desk.board.wanted() == []
    desk.board.release("a")
    desk.advance()
    assert desk.is_in(State.STOPPED)


def test_the_hold_of_an_operator_outlives_a_lease(desk: Desk) -> None:
    desk.hold("an operator", None)
    desk.hold(UP, 15.0)
    desk.board.release("a", UP)
    assert desk.record.is_held
    desk.hold(UP, 15.0)
    desk.now = 200.0
    desk.advance()
    assert desk.record.holds.owner == "an operator"
    desk.board.release("a")
    assert not desk.record.is_held


def test_an_operators_stop_during_a_lease_counts(desk: Desk) -> None:
    desk.switch()
    desk.hold(UP, 15.0)
    desk.board.stop("a", lambda _: None)
    desk.board.release("a")
    desk.advance()
    assert desk.is_in(State.STOPPED)


def test_a_model_whose_container_is_made_anew_comes_back_when_it_is_there(desk: Desk) -> None:
    desk.switch()
    desk.hold(UP, 15.0)
    desk.board.note_absent({"a"})
    desk.board.release("a", UP)
    desk.advance()
    assert desk.is_in(State.ABSENT)
    desk.board.note_absent(())
    desk.advance()
    assert desk.is_in(State.READY)


def test_a_hold_that_ends_while_the_model_drains_leaves_it_serving(desk: Desk) -> None:
    desk.switch()
    lease = desk.record.admission.enter()
    assert lease is not None
    answers: list[RefusedError | None] = []
    desk.board.hold("a", answers.append, UP, 15.0)
    desk.advance()
    assert (desk.is_in(State.DRAINING), answers) == (True, [])
    desk.board.release("a", UP)
    desk.advance()
    assert desk.is_in(State.READY)
    assert [answer and answer.kind for answer in answers] == ["model_released"]


def test_a_hold_that_ends_before_a_start_was_given_up_is_answered(desk: Desk) -> None:
    switched: list[RefusedError | None] = []
    desk.board.ask(Order(("a",), switched.append))
    desk.board.advance()
    assert desk.is_in(State.STARTING)
    answers: list[RefusedError | None] = []
    desk.board.hold("a", answers.append, UP, 0.001)
    desk.now += 1.0
    desk.board.advance()
    assert [answer and answer.kind for answer in answers] == ["model_released"]


def test_a_refusal_says_who_holds_it_and_until_when(desk: Desk) -> None:
    desk.hold(UP, 15.0)
    refusal = desk.switch()
    assert refusal is not None
    assert refusal.message == (
        "`a` is held by modelgen up on host pid 7; it can run again in at most 15 s, unless the hold is renewed"
    )
    desk.hold("ada on host", None)
    refusal = desk.switch()
    assert refusal is not None
    assert "held by ada on host; it can run again after `modelgen release a`" in refusal.message
    shown = show_model(desk.record, desk.now)
    assert (shown["held"], shown["held_by"], shown["held_for"]) == (True, "ada on host", None)


def test_leases_over_http(tmp_path: Path) -> None:
    with serving(tmp_path, manifest(engine("a"))) as orchestrator:
        assert orchestrator.chat("a")[0] == 200
        for wrong in ({"lease": 0}, {"lease": "1"}, {"owner": ""}, {"owner": "a\nb"}, {"until": 1}, {"lease": True}):
            assert orchestrator.ask("/models/a/hold", wrong)[0] == 400, wrong
        held = orchestrator.ask("/models/a/hold", {"lease": 60, "owner": UP})[1]
        assert (held["state"], held["held_by"]) == ("stopped", UP)
        assert 0 < held["held_for"] <= 60
        assert orchestrator.ask("/models/a/release", {"owner": "somebody else"})[1]["held"] is True
        orchestrator.ask("/models/a/hold", {"lease": 0.2, "owner": UP, "wait": False})
        wait_for(lambda: orchestrator.state("a") == "ready")
        assert orchestrator.ask("/models/a/hold", method="POST")[1]["held_by"] == "an operator"
        assert orchestrator.ask("/models/a/release", method="POST")[1]["held"] is False
