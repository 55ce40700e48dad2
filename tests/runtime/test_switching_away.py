"""Who leaves for whom, as stories: what is looked at first, what is given up, and what comes back."""

from __future__ import annotations

from typing import TYPE_CHECKING

from modelgen_runtime.drivers.driver import Endpoint
from modelgen_runtime.manifest import Gpu, Manifest, Model, Readiness
from modelgen_runtime.scheduling.standing import State
from modelgen_runtime.state.board import Board
from modelgen_runtime.state.orders import Failure, Order, Ticket

if TYPE_CHECKING:
    from modelgen_runtime.engines.admission import Lease, RefusedError
    from modelgen_runtime.state.lifecycle import LifecycleEvent


def make_model(id_: str, concurrency: int | None = None) -> Model:
    return Model(id_, (id_,), "command", Readiness("/health", 60.0), (), reservations={"g": 6}, concurrency=concurrency)


class Story:
    """A board of three models that exclude each other, and what it gives out."""

    def __init__(self) -> None:
        self.now, self.generation = 100.0, 0
        self.models = {id_: make_model(id_) for id_ in "abc"}
        manifest = Manifest("demo", "process", tuple(self.models.values()), (Gpu("g", 12, 10),))
        self.events: list[LifecycleEvent] = []
        self.board = Board(manifest, lambda: self.now, lambda: None, self.events.append)

    def go(self) -> list[tuple[str, str]]:
        return [(action.verb, action.model.id) for action in self.board.advance()[0]]

    def ready(self, id_: str) -> list[tuple[str, str]]:
        self.generation += 1
        self.board.ready(id_, Endpoint("127.0.0.1", 1, str(self.generation)))
        return self.go()

    def stopped(self, id_: str) -> list[tuple[str, str]]:
        self.board.stopped(id_)
        return self.go()

    def checked(self, id_: str, failure: Failure | None = None) -> list[tuple[str, str]]:
        self.board.checked(self.models[id_], failure)
        return self.go()

    def run(self, id_: str) -> None:
        """Have a model run on the free card."""
        self.board.resume([id_])
        assert self.go() == [("start", id_)]
        assert self.ready(id_) == []

    def request(self, id_: str) -> list[Lease | RefusedError]:
        """Send a request; what comes of it stands in the list that is returned."""
        record = self.board.records[id_]
        outcome: list[Lease | RefusedError] = []
        if (lease := record.admission.enter()) is not None:
            return [lease]

        def grant(lease: Lease) -> bool:
            outcome.append(lease)
            return True

        self.board.arrive(Ticket(record.admission, grant, outcome.append))
        return outcome

    def switch(self, *models: str) -> tuple[Order, list[RefusedError | None]]:
        answers: list[RefusedError | None] = []
        order = Order(models, answers.append)
        self.board.ask(order)
        return order, answers

    def states(self) -> str:
        return " ".join(record.state for record in self.board.records.values())


# -- looking before anybody leaves ------------------------------------------------------------------------------------


def test_nobody_leaves_before_the_next_one_was_looked_at() -> None:
    story = Story()
    story.run("a")
    story.request("b")
    assert story.go() == [("check", "b")]
    assert story.go() == []  # one look at a time
    assert story.states() == "ready stopped stopped"
    assert story.checked("b") == [("stop", "a")]
    assert story.stopped("a") == [("start", "b")]


def test_a_model_on_a_free_card_is_started_without_a_look() -> None:
    story = Story()
    story.request("b")
    assert story.go() == [("start", "b")]


def test_for_one_that_cannot_start_nobody_leaves_and_who_waits_is_told_why() -> None:
    story = Story()
    story.run("a")
    outcome, (_, answers) = story.request("b"), story.switch("b")
    story.go()
    assert story.checked("b", Failure("has no container", is_absent=True)) == []
    assert story.states() == "ready absent stopped"
    [refusal], [answer] = outcome, answers
    assert "has no container" in str(refusal)
    assert answer is not None
    assert answer.kind == "model_absent"


def test_a_look_is_made_again_before_one_that_has_drained_for_long_stops() -> None:
    story = Story()
    story.run("a")
    [lease] = story.request("a")
    outcome = story.request("b")
    story.go()
    assert story.checked("b") == []
    assert story.states() == "draining stopped stopped"
    story.now += 60
    assert story.go() == []
    lease.leave()  # type: ignore[union-attr]
    assert story.go() == [("check", "b")]
    assert story.states() == "draining stopped stopped"
    assert story.checked("b", Failure("has no program")) == []
    assert story.states() == "ready failed stopped"
    assert "has no program" in str(outcome[0])


def test_absence_that_becomes_known_while_a_model_drains_opens_it_again() -> None:
    story = Story()
    story.run("a")
    story.request("a")
    (_, answers), outcome = story.switch("b"), story.request("b")
    story.go()
    story.checked("b")
    assert story.states() == "draining stopped stopped"
    story.board.note_absent({"b"})
    story.go()
    assert story.states() == "ready absent stopped"
    assert [str(one) for one in (*answers, *outcome)] == ["`b` has no container; run `modelgen up`"] * 2


def test_a_look_at_what_was_changed_meanwhile_does_not_count() -> None:
    story = Story()
    story.run("a")
    story.request("b")
    story.go()
    changed = make_model("b", concurrency=1)
    story.board.reload(Manifest("demo", "process", (story.models["a"], changed), (Gpu("g", 12, 10),)))
    assert story.checked("b") == [("check", "b")]
    story.models["b"] = changed
    assert story.checked("b") == [("stop", "a")]


# -- what is given up -------------------------------------------------------------------------------------------------


def test_a_later_switch_takes_the_place_of_one_that_still_loads() -> None:
    story = Story()
    story.run("a")
    _, first = story.switch("b")
    story.go()
    assert story.checked("b") == [("stop", "a")]
    assert story.stopped("a") == [("start", "b")]
    _, second = story.switch("c")
    assert [one.kind for one in first if one] == ["superseded"]
    assert story.go() == [("stop", "b")]
    assert story.stopped("b") == [("start", "c")]
    assert story.ready("c") == []
    assert second == [None]
    assert story.states() == "stopped stopped ready"


def test_what_a_superseded_switch_had_displaced_comes_back_when_the_later_one_fails() -> None:
    story = Story()
    story.run("a")
    story.switch("b")
    story.go()
    story.checked("b")
    story.stopped("a")
    _, answers = story.switch("c")
    story.go()
    story.stopped("b")
    story.board.failed("c", Failure("no", 1))
    assert story.go() == [("start", "a")]
    assert [one.kind for one in answers if one] == ["model_failed"]


def test_requests_for_a_superseded_model_wait_behind_the_later_switch() -> None:
    story = Story()
    story.switch("b")
    assert story.go() == [("start", "b")]
    outcome = story.request("b")
    story.go()
    story.switch("c")
    assert story.go() == [("stop", "b")]
    assert story.stopped("b") == [("start", "c")]
    story.ready("c")
    assert story.checked("b") == [("stop", "c")]
    assert story.stopped("c") == [("start", "b")]
    story.ready("b")
    assert len(outcome) == 1


def test_switches_that_fit_beside_each_other_do_not_touch_each_other() -> None:
    story = Story()
    _, first = story.switch("b")
    story.go()
    _, second = story.switch("b")
    story.go()
    story.ready("b")
    assert (first, second) == ([None], [None])


def test_a_resumed_model_that_nobody_waits_for_is_given_up_while_it_loads() -> None:
    story = Story()
    story.board.resume(["a"])
    assert story.go() == [("start", "a")]
    story.request("b")
    assert story.go() == [("check", "b")]
    assert story.checked("b") == [("stop", "a")]
    assert story.stopped("a") == [("start", "b")]
    story.ready("b")
    assert story.go() == []  # and does not come back by itself


def test_a_load_that_a_request_waits_for_goes_on() -> None:
    story = Story()
    story.request("a")
    assert story.go() == [("start", "a")]
    story.switch("b")
    assert story.go() == []


def test_a_load_whose_switch_nobody_waits_for_any_more_goes_on_until_its_card_is_needed() -> None:
    story = Story()
    order, answers = story.switch("a")
    assert story.go() == [("start", "a")]
    story.board.take_back(order)
    assert story.go() == []
    story.request("b")
    assert story.go() == [("check", "b")]
    assert story.checked("b") == [("stop", "a")]
    assert answers == []


def test_a_switch_whose_caller_leaves_before_anything_has_stopped_changes_nothing() -> None:
    story = Story()
    story.run("a")
    story.request("a")
    order, _ = story.switch("b")
    story.go()
    story.checked("b")
    assert story.states() == "draining stopped stopped"
    story.board.take_back(order)
    assert story.go() == []
    assert story.states() == "ready stopped stopped"


def test_a_switch_that_is_complete_cannot_be_taken_back() -> None:
    story = Story()
    order, answers = story.switch("a")
    story.go()
    story.ready("a")
    story.board.take_back(order)
    story.go()
    assert (answers, story.board.wanted()) == ([None], ["a"])


# -- what somebody else starts ----------------------------------------------------------------------------------------


def test_what_somebody_else_has_started_on_a_free_card_is_taken_over() -> None:
    story = Story()
    story.board.note_unexpected("a")
    assert story.go() == [("start", "a")]
    story.request("b")
    assert story.go() == [("check", "b")]
    assert story.checked("b") == [("stop", "a")]


def test_what_somebody_else_has_started_on_a_card_that_is_taken_is_stopped_before_anything_else() -> None:
    story = Story()
    story.run("a")
    story.board.note_unexpected("b")
    assert story.go() == [("stop", "b")]
    story.request("c")
    assert story.go() == [("check", "c")]
    assert story.checked("c") == []  # the card is not free before `b` has gone
    assert story.stopped("b") == [("stop", "a")]


def test_what_is_held_is_stopped_when_somebody_else_has_started_it() -> None:
    story = Story()
    story.board.hold("a", lambda _: None)
    story.go()
    story.board.note_unexpected("a")
    assert story.go() == [("stop", "a")]


def test_of_two_that_ran_on_one_card_at_the_boot_one_stops_and_does_not_come_back() -> None:
    story = Story()
    for id_ in "ab":
        story.board.adopt(id_, Endpoint("127.0.0.1", 1, id_))
    assert story.go() == [("stop", "a")]
    story.request("b")
    assert story.stopped("a") == []
    assert story.ready("b") == []
    assert story.states() == "stopped ready stopped"


# -- what comes back --------------------------------------------------------------------------------------------------


def test_what_left_for_a_request_comes_back_when_its_engine_does_not_start() -> None:
    story = Story()
    story.run("a")
    story.request("b")
    story.go()
    story.checked("b")
    assert story.stopped("a") == [("start", "b")]
    story.board.failed("b", Failure("no", 1))
    assert story.go() == [("start", "a")]
    assert story.states() == f"{State.STARTING} failed stopped"


def test_an_engine_gets_as_many_requests_as_its_concurrency_and_not_one_more() -> None:
    story = Story()
    story.models["a"] = make_model("a", concurrency=2)
    story.board.reload(Manifest("demo", "process", (story.models["a"],), (Gpu("g", 12, 10),)))
    story.run("a")
    seated = [story.board.records["a"].admission.enter() for _ in range(3)]
    assert [one is not None for one in seated] == [True, True, False]
    waiting = story.request("a")
    story.go()
    assert waiting == []
    assert seated[0] is not None
    seated[0].leave()
    story.go()
    assert len(waiting) == 1
