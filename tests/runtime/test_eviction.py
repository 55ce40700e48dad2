"""Which models leave so that another fits."""

from __future__ import annotations

import pytest

from modelgen_runtime.scheduling.eviction import choose
from modelgen_runtime.scheduling.standing import Standing, State


def resident(
    id_: str, used: float = 0.0, *, running: int = 0, state: State = State.READY, **reservations: int
) -> Standing:
    return Standing(id_, state, reservations, running=running, used=used)


@pytest.mark.parametrize(
    ("need", "residents", "chosen"),
    [
        pytest.param({"a": 0}, [resident("x", a=5)], [], id="nothing is needed"),
        pytest.param({"a": 5}, [], None, id="nobody is there"),
        pytest.param({"a": 5}, [resident("x", a=4)], None, id="not enough"),
        pytest.param({"a": 5}, [resident("x", b=9)], None, id="another card"),
        pytest.param({"a": 4}, [resident("x", 2, a=4), resident("y", 1, a=4)], ["y"], id="least recently used"),
        pytest.param({"a": 4}, [resident("x", 1, a=4, running=1), resident("y", 2, a=4)], ["y"], id="idle before busy"),
        pytest.param(
            {"a": 4},
            [resident("x", 1, a=4, running=1), resident("y", 2, a=4, running=1, state=State.DRAINING)],
            ["y"],
            id="who drains goes on",
        ),
        pytest.param({"a": 8}, [resident("x", 1, a=2), resident("y", 2, a=8)], ["y"], id="none goes in vain"),
        pytest.param(
            {"a": 4, "b": 4},
            [resident("x", 1, a=4), resident("y", 2, b=4), resident("z", 3, a=4, b=4)],
            ["x", "y"],
            id="two cards",
        ),
        pytest.param({"a": 4}, [resident("x", a=4), resident("w", a=4)], ["w"], id="the order is stable"),
    ],
)
def test_choice(need: dict[str, int], residents: list[Standing], chosen: list[str] | None) -> None:
    found = choose(need, residents)
    assert (None if found is None else [one.id for one in found]) == chosen
