"""Engines as child processes."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

import runtime_drivers
from modelgen_runtime import processes
from modelgen_runtime.manifest import Process
from modelgen_runtime.process_driver import ProcessDriver
from runtime_drivers import Bench
from runtime_serving import engine

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator
    from pathlib import Path

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="process groups are of POSIX")


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    groups: dict[str, int] = {}

    def alive(id_: str) -> bool:
        path = tmp_path / "processes.json"
        stored = json.loads(path.read_text()) if path.exists() else {}
        groups.update({key: entry["pid"] for key, entry in stored.items()})
        return id_ in groups and processes.has_members(groups[id_])

    yield Bench(lambda: ProcessDriver(tmp_path), alive)
    alive("")
    for group in groups.values():  # of a test that failed
        processes.send(group, signal.SIGKILL)


@pytest.mark.parametrize("check", runtime_drivers.ALL, ids=lambda check: check.__name__)
def test_it_does_what_drivers_do(bench: Bench, check: Callable[[Bench], Awaitable[None]]) -> None:
    async def run() -> None:
        await check(bench)

    asyncio.run(run())


@pytest.mark.parametrize(
    ("process", "why"),
    [
        (Process(("no-such-program-here",)), "there is no program `no-such-program-here`; install it"),
        (Process(("/",)), "cannot be started: `/`: permission denied"),
        (Process((sys.executable,), directory="/no/such/folder"), "cannot be started in /no/such/folder: no such file"),
    ],
)
def test_what_cannot_start_says_why(bench: Bench, process: Process, why: str) -> None:
    asyncio.run(runtime_drivers.what_cannot_start_says_why(bench, replace(engine("a"), process=process), why))


def test_a_number_that_is_somebody_elses_is_left_alone(tmp_path: Path) -> None:
    """Process ids come back: what has ours but another birth was not started by us."""
    entry = {"pid": os.getpid(), "birth": "long ago", "port": 1, "generation": "g", "recipe": "r", "log_from": 0}
    (tmp_path / "processes.json").write_text(json.dumps({"a": entry}))

    async def run() -> None:
        driver = ProcessDriver(tmp_path)
        assert await driver.adopt([engine("a")], lambda *_: None) == {}
        await driver.close()

    asyncio.run(run())
    assert json.loads((tmp_path / "processes.json").read_text()) == {}


@pytest.mark.parametrize("text", ["", "[]", '{"a": 5}', '{"a": {"pid": "x"}}', "{" * 100_000])
def test_what_was_written_down_may_be_spoilt(tmp_path: Path, text: str) -> None:
    (tmp_path / "processes.json").write_text(text)

    async def run() -> None:
        driver = ProcessDriver(tmp_path)
        assert await driver.adopt([], lambda *_: None) == {}
        await driver.close()

    asyncio.run(run())


def test_engines_do_not_get_the_operators_key(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MODELGEN_KEY", "secret")
    code = "import os; print(sorted({'MODELGEN_KEY', 'OWN', 'PATH'} & {*os.environ}), os.environ['OWN'])"
    model = replace(engine("a"), process=Process((sys.executable, "-c", code), {"OWN": "port {port}"}))

    async def run() -> list[str]:
        driver, ended = ProcessDriver(tmp_path), asyncio.Event()
        await driver.adopt([model], lambda *_: ended.set())
        endpoint = await driver.start(model)
        await ended.wait()
        await driver.close()
        assert f"port {endpoint.port}" in driver.tail("a", 1)[0]
        return driver.tail("a", 1)

    assert asyncio.run(run())[0].startswith("['OWN', 'PATH']")


def test_a_log_does_not_grow_for_ever(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("modelgen_runtime.engine_logs._MOST_BYTES", 1000)
    driver = ProcessDriver(tmp_path)
    log = tmp_path / "logs" / "a.log"
    with log.open("ab", buffering=0) as engine_side:
        engine_side.write(b"x" * 999 + b"\nlast\n")
        driver._logs.cut()  # noqa: SLF001 - its timer is not waited for
        engine_side.write(b"next\n")
    assert log.read_bytes() == b"next\n"
    assert log.with_suffix(".log.1").read_bytes().endswith(b"last\n")
    assert driver.tail("a", 5) == ["next"]
