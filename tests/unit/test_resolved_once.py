"""Each step of a compile calls no earlier step: what a check or `lower` needs has been resolved before."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import pytest

from compiling import REPOSITORY
from modelgen.pipeline import compile_source

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import FrameType

CASES = REPOSITORY / "tests/snapshot/cases"
STEPS = ("load", "resolve", "checks", "lower", "targets")
# What later steps may call of `load`: what was written, and where.
DOCUMENT = ("modelgen.load.document", "modelgen.load.locator")


def step(frame: FrameType) -> int | None:
    """Return the number of the step whose code a frame runs; None for the tables and libraries that steps share."""
    name = str(frame.f_globals.get("__name__")).split(".")
    return STEPS.index(name[1]) if name[0] == "modelgen" and len(name) > 1 and name[1] in STEPS else None


def steps_above(frame: FrameType) -> Iterator[int]:
    """Yield the steps of the frames that led to a call, the nearest first, up to the pipeline."""
    above = frame.f_back
    while above is not None and above.f_globals.get("__name__") != "modelgen.pipeline":
        if (number := step(above)) is not None:
            yield number
        above = above.f_back


# Variables that are flags are read by another way than `args` (MG249 once resolved them again).
VARIABLES = {
    "llamacpp": b'\n[models.tiny.env]\nLLAMA_ARG_BATCH = "512"\n',
    "tei": b'\n[models.bge.env]\nMAX_BATCH_REQUESTS = "8"\n',
}


@pytest.mark.parametrize(
    "case", ["locked", "lora", "llamacpp", "tei", "sglang", "gpt-oss", "tensor-parallel", "orchestrator-disabled"]
)
def test_no_step_calls_an_earlier_one(case: str) -> None:
    lock = CASES / f"{case}.lock"
    data = (CASES / f"{case}.toml").read_bytes() + VARIABLES.get(case, b"")
    locked = lock.read_bytes() if lock.exists() else None
    compile_source(data, locked)  # imports what it needs
    climbs: set[tuple[str, str]] = set()
    resolved: list[str] = []

    def watch(frame: FrameType, event: str, _: object) -> None:
        module = frame.f_globals.get("__name__")
        if event != "call" or (number := step(frame)) is None or module in DOCUMENT:
            return
        by, called = next(steps_above(frame), -1), f"{module}.{frame.f_code.co_name}"
        if STEPS[number] == "resolve" and by != number:
            resolved.append(called)
        if by > number:
            climbs.add((STEPS[by], called))

    before = sys.getprofile()
    sys.setprofile(watch)
    try:
        compile_source(data, locked)
    finally:
        sys.setprofile(before)
    assert climbs == set()
    assert resolved == ["modelgen.resolve.resolve"]
