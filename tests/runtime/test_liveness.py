"""Engines that hang are noticed and started again; busy and quiet ones are left alone; an end is explained."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
from typing import TYPE_CHECKING

import pytest

from modelgen_runtime.driver import Endpoint
from modelgen_runtime.liveness import Patience
from modelgen_runtime.store import Store
from modelgen_runtime.switchboard import Switchboard
from process_rig import ProcessRig
from runtime_drivers import PATIENCE
from runtime_serving import manifest

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable
    from pathlib import Path

    from modelgen_runtime.gate import Lease
    from modelgen_runtime.happenings import Happening
    from modelgen_runtime.manifest import Model

IMPATIENT = Patience(quiet=0.1, answer=0.2, pause=0.05, misses=3)


class Watched:
    """A switchboard with real engines, and what has happened."""

    def __init__(self, rig: ProcessRig, *models: Model) -> None:
        self.happenings: asyncio.Queue[Happening] = asyncio.Queue()
        store = Store(rig.directory / "state")
        self.switchboard = Switchboard(
            manifest(*models), rig.driver(), store, self.happenings.put_nowait, patience=IMPATIENT
        )

    async def next(self, *kinds: str) -> list[Happening]:
        """Return the next happenings of these kinds, in this order."""
        async with asyncio.timeout(PATIENCE):
            found: list[Happening] = []
            while len(found) < len(kinds):
                if (happening := await self.happenings.get()).kind == kinds[len(found)]:
                    found.append(happening)
            return found

    async def enter(self, model: str) -> Lease:
        gate = self.switchboard.gate(model)
        assert gate is not None
        return await self.switchboard.enter(gate)


@contextlib.asynccontextmanager
async def watching(rig: ProcessRig, *models: Model) -> AsyncIterator[Watched]:
    watched = Watched(rig, *models)
    tasks = [asyncio.create_task(watched.switchboard.run()), asyncio.create_task(watched.switchboard.watch())]
    try:
        yield watched
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await watched.switchboard.close(stop_engines=True)


@pytest.mark.parametrize("number", [signal.SIGSTOP, None], ids=["stopped", "answers nothing"])
def test_an_engine_that_hangs_is_started_again_and_its_requests_are_told(
    tmp_path: Path, number: signal.Signals | None
) -> None:
    rig = ProcessRig(tmp_path)
    model = rig.model("a", *(() if number else ("--hang-after", "1")), stop_grace=0.2)
    cut: list[str] = []

    async def run() -> None:
        async with watching(rig, model) as watched:
            lease = await watched.enter("a")
            lease.cut = cut.append
            if number is not None:
                os.kill(rig.processes(model)[0], number)
            else:
                await hang(lease.endpoint)
            draining, *_ = await watched.next("draining", "stopping", "failed", "starting", "ready")
            assert "stopped answering: its port takes connections, but /health was not answered" in str(draining.detail)
            assert "3 times in a row" in cut[0]
            record = watched.switchboard.board.records["a"]
            assert record.endpoint is not None
            assert record.endpoint.generation != lease.endpoint.generation
            told = await watched.switchboard.explain_end(record.gate, lease.endpoint)
            assert told is not None
            assert told.message == cut[0]

    asyncio.run(run())


async def hang(endpoint: Endpoint) -> None:
    """Have one request answered, after which the engine answers nothing."""
    _, writer = await asyncio.open_connection(endpoint.host, endpoint.port)
    writer.write(b"POST /echo HTTP/1.1\r\nContent-Length: 0\r\n\r\n")
    await writer.drain()
    writer.close()


@pytest.mark.parametrize("sign", ["it answers its health check", "something comes", "nobody waits"])
def test_an_engine_that_shows_life_is_left_alone(tmp_path: Path, sign: str) -> None:
    rig = ProcessRig(tmp_path)
    model = rig.model("a", stop_grace=0.2)

    async def run() -> None:
        async with watching(rig, model) as watched:
            lease = await watched.enter("a")
            asked = await count_of_questions(lease.endpoint)
            if sign == "it answers its health check":
                await until(lambda: count_of_questions(lease.endpoint), lambda count: count >= asked + 3)
            else:
                [process] = rig.processes(model)
                os.kill(process, signal.SIGSTOP)
                for _ in range(20):
                    if sign == "something comes":
                        lease.gate.heard += 1
                    else:
                        lease.leave()
                    await asyncio.sleep(IMPATIENT.quiet / 2)
                os.kill(process, signal.SIGCONT)
                assert await count_of_questions(lease.endpoint) == asked
            assert watched.switchboard.board.records["a"].endpoint == lease.endpoint

    asyncio.run(run())


async def count_of_questions(endpoint: Endpoint) -> int:
    """Return how often an engine was asked for its health."""
    reader, writer = await asyncio.open_connection(endpoint.host, endpoint.port)
    writer.write(b"GET /_control HTTP/1.1\r\nConnection: close\r\n\r\n")
    answer = await reader.read()
    writer.close()
    return answer.count(b"/health")


async def until(ask: Callable[[], object], is_right: Callable[[object], bool]) -> None:
    async with asyncio.timeout(PATIENCE):
        while not is_right(await ask()):  # type: ignore[misc]
            await asyncio.sleep(0.02)


def test_the_end_of_an_engine_is_explained_to_who_had_its_answer_broken_off(tmp_path: Path) -> None:
    rig = ProcessRig(tmp_path)
    model = rig.model("a", "--say", "torch.OutOfMemoryError: CUDA out of memory.")

    async def run() -> None:
        async with watching(rig, model) as watched:
            lease = await watched.enter("a")
            asked = asyncio.create_task(watched.switchboard.explain_end(lease.gate, lease.endpoint))
            await asyncio.sleep(0)
            os.kill(rig.processes(model)[0], signal.SIGKILL)
            told = await asked
            assert told is not None
            assert told.kind == "model_failed"
            assert "`a` died (exit code -9); the card is full" in told.message
            await watched.next("failed", "starting", "ready")
            assert await watched.switchboard.explain_end(lease.gate, lease.endpoint) == told

    asyncio.run(run())


def test_there_is_nothing_to_explain_of_an_engine_that_lives(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("modelgen_runtime.switchboard._END_SECONDS", 0.05)
    rig = ProcessRig(tmp_path)

    async def run() -> None:
        async with watching(rig, rig.model("a")) as watched:
            lease = await watched.enter("a")
            explain = watched.switchboard.explain_end
            assert await explain(lease.gate, lease.endpoint) is None
            assert await explain(lease.gate, Endpoint("127.0.0.1", 1, "another")) is None

    asyncio.run(run())
