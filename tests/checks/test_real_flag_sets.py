"""No false alarm: what people really write is no error, and what is said about it is said on purpose."""

from __future__ import annotations

import tomllib
from bisect import bisect_right
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from compiling import complete, findings

if TYPE_CHECKING:
    from modelgen.diagnostics import Diagnostic

TEXT = Path(__file__).with_name("real_flag_sets.toml").read_text()
SETS: dict[str, dict[str, Any]] = tomllib.loads(TEXT)["models"]

# Whatever else is said of a set is a false alarm.
SAID = {
    "field-01": ["warning lora-by-hand"],
    "field-03": ["info eager-mode", "warning deprecated-flag"],
    **{f"field-{number:02}": ["info eager-mode"] for number in (2, 5, 11, 16, 24)},
    # It would void the budget of the card.
    **{f"field-{number:02}": ["error owned-arg"] for number in (22, 25)},
}


@cache
def said() -> dict[str, list[Diagnostic]]:
    """Compile all sets at once; return the findings by model."""
    lines = TEXT.splitlines()
    starts = [lines.index(f"[models.{name}]") + 1 for name in SETS]
    found: dict[str, list[Diagnostic]] = {name: [] for name in SETS}
    for diagnostic in findings(complete(TEXT)):
        found[[*SETS][bisect_right(starts, diagnostic.span.line) - 1]].append(diagnostic)
    return found


def test_there_are_as_many_as_are_said() -> None:
    assert len([name for name in SETS if name.startswith("field-")]) == 25
    assert len(SETS) >= 45


@pytest.mark.parametrize("name", SETS)
def test_a_real_set_of_flags(name: str) -> None:
    found = said()[name]
    assert [f"{diagnostic.severity} {diagnostic.rule}" for diagnostic in found] == SAID.get(name, []), found
