"""How long `/healthz` takes alone, and beside what holds up a loop: ratios, which never fail."""

from __future__ import annotations

import contextlib
import resource
import socket
import statistics
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from runtime_serving import Served, engine, manifest, serving

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

pytestmark = pytest.mark.bench

IDLE, QUESTIONS, PAUSE, ROUNDS = 8_000, 1_000, 0.003, 3
HEALTH = b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n"
LOAD = Path(__file__).with_name("latency_load.py")


def ask(served: Served) -> tuple[float, float, float]:
    """Return the median, the 99th percentile and the longest of the answers' times, in milliseconds."""
    took = []
    with socket.create_connection(("127.0.0.1", served.port), 60) as client:
        for _ in range(QUESTIONS):
            began = time.perf_counter()
            client.sendall(HEALTH)
            assert b"alive" in client.recv(65536)
            took.append((time.perf_counter() - began) * 1000)
            time.sleep(PAUSE)
    return statistics.median(took), statistics.quantiles(took, n=100)[98], max(took)


@contextlib.contextmanager
def idle(served: Served) -> Iterator[None]:
    """Keep thousands of connections that ask nothing."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard < 2 * IDLE:
        pytest.skip(f"needs a hard limit of {2 * IDLE} open files")
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    try:
        with contextlib.ExitStack() as stack:
            for _ in range(IDLE):
                client = stack.enter_context(socket.create_connection(("127.0.0.1", served.port), 60))
                client.sendall(HEALTH)
                assert client.recv(65536)
            yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


@contextlib.contextmanager
def load(served: Served, what: str) -> Iterator[None]:
    """Have another process ask for much."""
    command = [sys.executable, str(LOAD), str(served.port), what]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "begun\n"
        try:
            yield
        finally:
            process.kill()


@contextlib.contextmanager
def flood(served: Served) -> Iterator[None]:
    """Follow the log of an engine that prints 40 MB/s."""
    assert served.ask("/switch", {"model_id": "flood"})[0] == 200
    with load(served, "follow"):
        yield
    assert served.ask("/models/flood/stop", {})[0] == 200


def test_health(tmp_path: Path) -> None:
    cases = {
        f"with {IDLE} idle connections": idle,
        "beside deep bodies of 20 MB": lambda served: load(served, "deep"),
        "beside a follower of a log of 40 MB/s": flood,
    }
    with serving(tmp_path, manifest(engine("flood", "--flood", "40"))) as served:
        for name, case in cases.items():
            rows = []
            for _ in range(ROUNDS):
                alone = ask(served)
                with case(served):
                    rows.append((alone, ask(served)))
            report(name, rows)


def report(name: str, rows: Sequence[tuple[Sequence[float], Sequence[float]]]) -> None:
    alone, beside = ([statistics.median(row[side][at] for row in rows) for at in range(3)] for side in (0, 1))
    asked = max(2 * alone[1], 20.0)
    shown = [f"p50 {half:.2f}, p99 {most:.2f}, longest {longest:.1f}" for half, most, longest in (beside, alone)]
    print(f"\n/healthz {name}: {shown[0]} ms; alone: {shown[1]} ms")
    print(f"(asked of the p99: {asked:.0f} ms; {'met' if beside[1] <= asked else 'missed'})")
