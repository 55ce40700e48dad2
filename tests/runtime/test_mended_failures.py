"""A failure that was mended by a new container is history: nobody is shown it, and nobody waits for it to pass."""

from __future__ import annotations

import pytest

from modelgen_runtime.control_api.views import readiness_faults, show_model
from modelgen_runtime.manifest import Manifest, Model, Readiness
from modelgen_runtime.scheduling.standing import State
from modelgen_runtime.state.board import Board
from modelgen_runtime.state.orders import Failure


@pytest.fixture
def board() -> Board:
    model = Model("a", ("a",), "command", Readiness("/health", 60.0), ())
    board = Board(Manifest("demo", "docker", (model,), ()), lambda: 100.0, lambda: None, lambda _: None)
    board.resume(["a"])
    board.advance()
    board.failed("a", Failure("died", 1, container="old"))
    return board


def test_the_failure_of_a_container_that_is_there_no_more_is_forgotten(board: Board) -> None:
    record = board.records["a"]
    board.note_containers({"a": "new"})
    assert show_model(record, 100.0)["failure"] is None
    assert (record.state, record.failures, record.not_before) == (State.STOPPED, 0, 0.0)
    assert readiness_faults(board) == []


@pytest.mark.parametrize("containers", [{"a": "old"}, {"b": "new"}, {}])
def test_a_failure_stays_while_its_container_does(board: Board, containers: dict[str, str]) -> None:
    board.note_containers(containers)
    assert show_model(board.records["a"], 100.0)["failure"]["message"] == "died"
    assert board.records["a"].state is State.FAILED
