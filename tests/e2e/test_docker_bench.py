"""How long a switch in Docker takes beyond Docker itself, and `up` and `status` with nothing to do; never a failure."""

from __future__ import annotations

import statistics
import subprocess
import time
from typing import TYPE_CHECKING

import pytest
from docker_cli import docker
from running import model, running, until

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

pytest_plugins = ["docker_fixtures"]
pytestmark = [pytest.mark.docker, pytest.mark.bench]

ROUNDS = 11


def seconds(work: Callable[[], object]) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


@pytest.mark.parametrize("healthy", [0.0, 0.5, 2.0])
def test_a_switch(double: str, own_wheels: Path, tmp_path: Path, healthy: float) -> None:
    """Docker by itself on a second deployment, whose orchestrator is stopped, and in turn with the first's switches."""
    options = () if healthy == 0 else ("--healthy-after", str(healthy))
    folders = [tmp_path / name for name in ("switched", "alone")]
    for folder in folders:
        folder.mkdir()
    with (
        running(folders[0], "bench", double, own_wheels) as up,
        running(folders[1], "bench-alone", double, own_wheels) as other,
    ):
        for one in (up, other):
            one.write(model("a", *options), model("b", *options))
            one.up()
            one.served.ask("/switch", {"model_id": "a"})
        docker("stop", other.container("orchestrator"))
        told, alone = [], []
        for number in range(ROUNDS):
            here, there = ("ab", "ba")[number % 2]
            stop, start = (other.container(f"command-{name}") for name in (here, there))
            alone.append(seconds(lambda stop=stop, start=start: (docker("stop", stop), docker("start", start))))  # type: ignore[misc]
            told.append(seconds(lambda there=there: up.served.ask("/switch", {"model_id": there})) - healthy)  # type: ignore[misc]
    added = (statistics.median(told) - statistics.median(alone)) * 1000
    print(
        f"\nhealthy after {healthy} s: a switch takes {statistics.median(told) * 1000:.0f} ms beyond that, docker stop "
        f"and start {statistics.median(alone) * 1000:.0f} ms: {added:+.0f} ms (asked: at most +60)"
    )


def test_nothing_to_do(double: str, own_wheels: Path, tmp_path: Path) -> None:
    with running(tmp_path, "bench", double, own_wheels) as up:
        up.write(model("a"), model("b"))
        up.up()
        until(lambda: up.served.ask("/readyz")[0] == 200)
        create = ["docker", "compose", "--profile", "*", "create"]
        rows = []
        for _ in range(ROUNDS):
            ours = seconds(lambda: up.modelgen("up"))
            theirs = seconds(lambda: subprocess.run(create, cwd=tmp_path / "build", capture_output=True, check=True))
            rows.append((ours, theirs, seconds(lambda: up.modelgen("status"))))
    ratio = statistics.median(ours / theirs for ours, theirs, _ in rows)
    print(f"\nup with nothing to do: {ratio:.2f} × compose create (asked: 3)")
    print(f"status: {statistics.median(row[2] for row in rows) * 1000:.0f} ms (asked: 300)")
