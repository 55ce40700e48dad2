"""The IR is all that a target needs, and nothing else: a second target gets along with it, and no field is unread."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

import docker_run_target
from compiling import REPOSITORY
from modelgen import ir
from modelgen.pipeline import compile_source
from modelgen.targets import ON_HOST, compose, process

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

CASES = sorted((REPOSITORY / "tests/snapshot/cases").glob("*.toml"))
KINDS: list[Any] = [kind for kind in vars(ir).values() if hasattr(kind, "_fields")]
FIELDS = {f"{kind.__name__}.{name}" for kind in KINDS for name in kind._fields}


def fleet_of(case: Path, *targets: str) -> ir.Fleet | None:
    lock = case.with_suffix(".lock")
    data = lock.read_bytes() if lock.exists() else None
    return compile_source(case.read_bytes(), data, targets=targets, root_from_out="/srv").fleet


@pytest.fixture(scope="module")
def fleets() -> list[ir.Fleet]:
    return [fleet for case in CASES if (fleet := fleet_of(case, "compose")) is not None]


@pytest.fixture(scope="module")
def fleets_on_host() -> list[ir.Fleet]:
    return [fleet for case in CASES if (fleet := fleet_of(case, ON_HOST)) is not None]


@pytest.fixture
def reads(monkeypatch: pytest.MonkeyPatch) -> set[str]:
    """The fields of the IR that were read, such as `Gpu.name`."""
    found = set[str]()
    for kind in KINDS:
        monkeypatch.setattr(kind, "__getattribute__", _noting(kind, found), raising=False)
    return found


def _noting(kind: type[Any], found: set[str]) -> Callable[[object, str], Any]:
    def read(self: object, name: str) -> Any:  # noqa: ANN401 - any field
        found.add(f"{kind.__name__}.{name}")
        return object.__getattribute__(self, name)

    return read


def test_the_second_target_renders_every_field(fleets: list[ir.Fleet], reads: set[str]) -> None:
    for fleet in fleets:
        docker_run_target.render(fleet, "..")
    assert FIELDS - reads == {"Service.directory"}, "which only a process of the host has"


def test_no_field_is_unread(fleets: list[ir.Fleet], fleets_on_host: list[ir.Fleet], reads: set[str]) -> None:
    for fleet in fleets:
        compose.render(fleet, "..")
    for fleet in fleets_on_host:
        process.render(fleet, "/srv")
    assert FIELDS - reads == set()
