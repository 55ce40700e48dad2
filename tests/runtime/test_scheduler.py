"""What is to happen next, as tables: how models stand, and the plan."""

from __future__ import annotations

import math
from typing import Any

import pytest

from modelgen_runtime.scheduling.scheduler import Plan, Policy, decide
from modelgen_runtime.scheduling.standing import Standing, State

LIMITS = {"a": 10, "b": 10}
NOW = 100.0


def one(id_: str, state: State = State.STOPPED, reservations: dict[str, int] | None = None, **more: Any) -> Standing:  # noqa: ANN401
    return Standing(id_, state, {"a": 6} if reservations is None else reservations, **more)


def waiting(id_: str, since: float = 90.0, **more: Any) -> Standing:  # noqa: ANN401
    return one(id_, waiting=1, since=since, **more)


READY: dict[str, Any] = {"state": State.READY}
BUSY: dict[str, Any] = {"state": State.READY, "running": 1}


@pytest.mark.parametrize(
    ("standings", "plan"),
    [
        pytest.param([one("x")], Plan(), id="nobody asks"),
        pytest.param([waiting("x")], Plan(start=["x"]), id="a request starts a model"),
        pytest.param([one("x", asked=90.0)], Plan(start=["x"]), id="so does a switch"),
        pytest.param([waiting("x", reservations={})], Plan(start=["x"]), id="without a card too"),
        pytest.param([waiting("x", 91), waiting("y", 90)], Plan(start=["y"]), id="one start at a time on a card"),
        pytest.param(
            [waiting("x", 91, reservations={"a": 10}), waiting("y", 90, reservations={"b": 10})],
            Plan(start=["y", "x"]),
            id="each card has its own",
        ),
        pytest.param(
            [one("x", asked=90.0, reservations={"a": 2}), one("y", asked=90.0, reservations={"a": 3})],
            Plan(start=["y"]),
            id="of a switch the largest first",
        ),
        pytest.param([waiting("x"), one("y", State.STARTING, {"a": 2})], Plan(), id="the card is busy"),
        pytest.param([waiting("x"), one("y", State.STOPPING, {"a": 6})], Plan(), id="the room is not yet free"),
        pytest.param([waiting("x"), one("y", **READY)], Plan(stop={"y": "x"}), id="an idle one leaves"),
        pytest.param([waiting("x"), one("y", **BUSY)], Plan(drain={"y": "x"}), id="a busy one drains"),
        pytest.param(
            [waiting("x"), one("y", State.DRAINING, running=1, drain_until=120.0)], Plan(wake=120.0), id="it may drain"
        ),
        pytest.param(
            [waiting("x"), one("y", State.DRAINING, running=1, drain_until=99.0)], Plan(stop={"y": "x"}), id="too long"
        ),
        pytest.param([waiting("x"), one("y", State.DRAINING)], Plan(stop={"y": "x"}), id="it has drained"),
        pytest.param([one("y", State.DRAINING, running=1)], Plan(open=["y"]), id="who drained for one is opened"),
        pytest.param(
            [waiting("x"), one("y", **READY), one("z", State.STARTING, {"a": 1}, waiting=1, since=80.0)],
            Plan(drain={"y": "x"}),
            id="while another starts nobody stops",
        ),
        pytest.param([waiting("x"), one("y", State.STARTING)], Plan(stop={"y": "x"}), id="a start for nobody ends"),
        pytest.param(
            [waiting("x"), one("y", State.STARTING, waiting=1, since=95.0)], Plan(), id="a start for somebody goes on"
        ),
        pytest.param([waiting("x"), one("y", kept=80.0, **READY)], Plan(), id="a switch is not torn apart"),
        pytest.param([waiting("x"), one("y", keep_loaded=True, **READY)], Plan(), id="a model that stays loaded"),
        pytest.param(
            [one("x", asked=90.0), one("y", keep_loaded=True, **READY)], Plan(), id="not even for an order to load"
        ),
        pytest.param(
            [one("x", leaves=True, keep_loaded=True, **READY)], Plan(stop={"x": None}), id="it is unloaded by hand"
        ),
        pytest.param(
            [waiting("x"), one("y", kept=95.0, **READY)], Plan(stop={"y": "x"}), id="but it waits for who came before"
        ),
        pytest.param(
            [waiting("x", 95), one("y", State.READY, running=1, waiting=1, since=94.0)],
            Plan(),
            id="who came before is served before",
        ),
        pytest.param(
            [waiting("x", 93), one("y", State.READY, running=1, waiting=1, since=94.0)],
            Plan(drain={"y": "x"}),
            id="who came after is not",
        ),
        pytest.param(
            [
                waiting("x", 90, reservations={"a": 5, "b": 5}),
                waiting("y", 91, reservations={"b": 5}),
                one("z", **BUSY),
            ],
            Plan(drain={"z": "x"}),
            id="nobody overtakes on a card that an earlier one needs",
        ),
        pytest.param(
            [waiting("x", 90), waiting("y", 91, reservations={"b": 5}), one("z", **BUSY)],
            Plan(start=["y"], drain={"z": "x"}),
            id="on another card one may",
        ),
        pytest.param([waiting("x", not_before=105.0)], Plan(wake=105.0), id="it has failed"),
        pytest.param([one("x", asked=90.0, not_before=105.0)], Plan(start=["x"]), id="an operator need not wait"),
        pytest.param(
            [one("x", asked=90.0, without_eviction=True, not_before=105.0)],
            Plan(wake=105.0),
            id="what is restored waits",
        ),
        pytest.param(
            [one("x", asked=90.0, without_eviction=True), one("y", **READY)], Plan(), id="and makes nobody leave"
        ),
        pytest.param(
            [one("x", asked=80.0, without_eviction=True), waiting("y", 90)],
            Plan(start=["y"]),
            id="and lets others pass",
        ),
        pytest.param([one("x", leaves=True, **READY)], Plan(stop={"x": None}), id="held"),
        pytest.param([one("x", leaves=True, **BUSY)], Plan(drain={"x": None}), id="held and busy"),
        pytest.param([one("x", State.STARTING, leaves=True)], Plan(stop={"x": None}), id="held while it starts"),
        pytest.param([waiting("x", leaves=True)], Plan(), id="held and waited for"),
        pytest.param(
            [one("x", used=50.0, idle_timeout=50.0, **READY)], Plan(stop={"x": None}), id="idle for long enough"
        ),
        pytest.param(
            [one("x", State.DRAINING, used=50.0, idle_timeout=50.0), one("y", State.STARTING, {"a": 1}, asked=80.0)],
            Plan(),
            id="and not opened while the card is busy",
        ),
        pytest.param([one("x", used=60.0, idle_timeout=50.0, **READY)], Plan(wake=110.0), id="not yet"),
        pytest.param([one("x", used=0.0, idle_timeout=50.0, **BUSY)], Plan(wake=150.0), id="busy is not idle"),
        pytest.param([one("x", idle_timeout=50.0, kept=80.0, **READY)], Plan(), id="part of a switch"),
        pytest.param(
            [one("x", State.READY, {"a": 6}, used=1.0), one("y", State.READY, {"a": 6}, used=2.0)],
            Plan(stop={"x": None}),
            id="the limit is lower than it was",
        ),
        pytest.param(
            [waiting("x", 90, state=State.STOPPING), waiting("y", 91, reservations={"a": 1})],
            Plan(),
            id="nobody takes the place of one that comes back",
        ),
    ],
)
def test_plan(standings: list[Standing], plan: Plan) -> None:
    assert decide(standings, Policy(LIMITS), NOW) == plan


YOUNG = one("y", ready_at=98.0, **BUSY)


@pytest.mark.parametrize(
    ("standings", "prioritize_after", "plan"),
    [
        pytest.param([waiting("x"), YOUNG], None, Plan(wake=103.0), id="protected"),
        pytest.param([waiting("x"), one("y", ready_at=90.0, **BUSY)], None, Plan(drain={"y": "x"}), id="not any more"),
        pytest.param([waiting("x"), one("y", ready_at=95.0, **BUSY)], None, Plan(drain={"y": "x"}), id="until now"),
        pytest.param([waiting("x"), one("y", ready_at=98.0, **READY)], None, Plan(stop={"y": "x"}), id="idle"),
        pytest.param([one("x", asked=99.0), YOUNG], None, Plan(drain={"y": "x"}), id="not from an operator"),
        pytest.param([waiting("x", 99), YOUNG], 2.0, Plan(wake=101.0), id="until one has waited for long"),
        pytest.param([waiting("x", 97), YOUNG], 2.0, Plan(drain={"y": "x"}), id="who has waited for long"),
    ],
)
def test_a_busy_model_is_kept_for_a_while(
    standings: list[Standing], prioritize_after: float | None, plan: Plan
) -> None:
    assert decide(standings, Policy(LIMITS, min_loaded_time=5.0, prioritize_after=prioritize_after), NOW) == plan


def test_with_nothing_to_do_nobody_is_woken() -> None:
    assert decide([], Policy({}), NOW).wake == math.inf
