"""What the board reports, refuses and starts again, and when a switch is complete, as stories."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from test_switching_away import Story

from modelgen_runtime.drivers.driver import Endpoint
from modelgen_runtime.engines.admission import Lease, RefusedError
from modelgen_runtime.manifest import Gpu, Manifest, Model, Readiness
from modelgen_runtime.state.board import Board
from modelgen_runtime.state.orders import Failure, Order

if TYPE_CHECKING:
    from modelgen_runtime.state.lifecycle import LifecycleEvent


def reported(story: Story) -> list[tuple[str, str | None, str | None]]:
    found = [(event.kind, event.model, event.detail) for event in story.events]
    story.events.clear()
    return found


def test_an_eviction_is_reported_step_by_step_with_its_cause() -> None:
    story = Story()
    story.run("a")
    [lease] = story.request("a")
    assert reported(story) == [("starting", "a", None), ("ready", "a", None)]
    story.request("b")
    story.go()
    story.checked("b")
    assert reported(story) == [("draining", "a", "for b")]
    assert isinstance(lease, Lease)
    lease.leave()
    assert story.go() == [("stop", "a")]
    assert reported(story) == [("evicted", "a", "for b"), ("stopping", "a", None)]
    story.stopped("a")
    assert reported(story) == [("stopped", "a", None), ("starting", "b", None)]


def test_a_model_that_need_not_leave_after_all_is_reported_as_ready() -> None:
    story = Story()
    story.run("a")
    story.request("a")
    order, _ = story.switch("b")
    story.go()
    story.checked("b")
    reported(story)
    story.board.take_back(order)
    story.go()
    assert reported(story) == [("ready", "a", "its memory is no longer needed")]


def test_a_hold_is_reported_with_its_owner_and_once() -> None:
    story = Story()
    for owner in ("training", "training", "operator"):
        story.board.hold("a", lambda _: None, owner)
    story.board.release("a")
    assert reported(story) == [("held", "a", "by training"), ("released", "a", None)]


def test_a_request_for_a_model_without_a_container_is_refused_at_once() -> None:
    story = Story()
    story.request("b")
    story.go()
    story.board.failed("b", Failure("has no container", is_absent=True))
    [refusal] = story.request("b")
    assert isinstance(refusal, RefusedError)
    assert refusal.kind == "model_absent"


def test_a_switch_is_complete_when_all_of_its_models_are_ready_at_once() -> None:
    """The first model hangs while the second starts."""
    gpus = (Gpu("g", 12, 10), Gpu("h", 12, 10))
    models = tuple(Model(gpu.name, (), "command", Readiness("/", 60.0), (), reservations={gpu.name: 6}) for gpu in gpus)
    events: list[LifecycleEvent] = []
    now = [100.0]
    board = Board(Manifest("demo", "process", models, gpus), lambda: now[0], lambda: None, events.append)
    answers: list[RefusedError | None] = []
    board.ask(Order(("g", "h"), answers.append))
    board.advance()
    board.ready("g", Endpoint("127.0.0.1", 1, "1"))
    board.give_up("g", "1", Failure("hangs"))
    board.advance()
    board.ready("h", Endpoint("127.0.0.1", 2, "2"))
    assert answers == []
    board.stopped("g")
    now[0] += 5
    board.advance()
    board.ready("g", Endpoint("127.0.0.1", 3, "3"))
    assert answers == [None]


def test_after_the_end_has_begun_nothing_is_accepted_or_started() -> None:
    story = Story()
    before = story.request("a")
    story.board.shut()
    [refusal], [later] = before, story.request("b")
    assert isinstance(refusal, RefusedError)
    assert isinstance(later, RefusedError)
    assert refusal.kind == later.kind == "shutting_down"
    assert story.go() == []


def test_a_stop_ends_the_wish_of_a_lease_to_start_a_model_again() -> None:
    story = Story()
    story.run("a")
    story.board.hold("a", lambda _: None, "training", lease=10.0)
    assert story.go() == [("stop", "a")]
    story.stopped("a")
    story.board.stop("a", lambda _: None)
    story.now += 20
    assert story.go() == []


def test_a_resident_model_that_changed_starts_again_with_its_new_entry() -> None:
    story = Story()
    story.run("a")
    changed = replace(story.models["a"], idle_timeout=5.0)
    models = (changed, story.models["b"], story.models["c"])
    story.board.reload(replace(story.board.manifest, models=models))
    assert story.go() == [("stop", "a")]
    assert story.stopped("a") == [("start", "a")]
    assert story.board.records["a"].model is changed


def test_a_model_that_does_not_run_takes_its_new_entry_and_stays_stopped() -> None:
    story = Story()
    changed = replace(story.models["a"], idle_timeout=5.0)
    story.board.reload(replace(story.board.manifest, models=(changed, story.models["b"], story.models["c"])))
    assert story.go() == []
    assert story.board.records["a"].model is changed
