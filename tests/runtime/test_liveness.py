"""Engines that hang are noticed and started again; busy and quiet ones are left alone; an end is explained."""

from __future__ import annotations

import asyncio
import contextlib
import os
import resource
import signal
import sys
from typing import TYPE_CHECKING

import pytest

from modelgen_runtime.engines.admission import RefusedError
from modelgen_runtime.scheduling.standing import State
from modelgen_runtime.supervision.liveness import Patience
from modelgen_runtime.supervision.store import Store
from modelgen_runtime.supervision.switchboard import Switchboard
from process_rig import ProcessRig
from runtime_drivers import PATIENCE
from runtime_serving import manifest

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator
    from pathlib import Path

    from modelgen_runtime.drivers.driver import Endpoint
    from modelgen_runtime.engines.admission import Lease
    from modelgen_runtime.manifest import Model
    from modelgen_runtime.state.lifecycle import LifecycleEvent

pytestmark = pytest.mark.slow  # starts processes

IMPATIENT = Patience(quiet=0.1, answer=0.2, pause=0.05, misses=3)


class Watched:
    """A switchboard with real engines, and what has happened."""

    def __init__(self, rig: ProcessRig, *models: Model) -> None:
        self.lifecycle_events: asyncio.Queue[LifecycleEvent] = asyncio.Queue()
        store = Store(rig.directory / "state")
        self.switchboard = Switchboard(
            manifest(*models), rig.driver(), store, self.lifecycle_events.put_nowait, patience=IMPATIENT
        )

    async def next(self, *kinds: str) -> list[LifecycleEvent]:
        """Return the next lifecycle_events of these kinds, in this order."""
        async with asyncio.timeout(PATIENCE):
            found: list[LifecycleEvent] = []
            while len(found) < len(kinds):
                if (event := await self.lifecycle_events.get()).kind == kinds[len(found)]:
                    found.append(event)
            return found

    async def enter(self, model: str) -> Lease:
        target = self.switchboard.target(model)
        assert target is not None
        return await self.switchboard.enter(target.admission)


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
        await watched.switchboard.close(stop_engines=True, at_once=asyncio.Event())


@pytest.mark.parametrize("number", [signal.SIGSTOP, None], ids=["stopped", "answers nothing"])
def test_an_engine_that_hangs_is_started_again_and_its_requests_are_told(
    tmp_path: Path, number: signal.Signals | None
) -> None:
    rig = ProcessRig(tmp_path)
    model = rig.model("a", *(() if number else ("--hang-after", "1")), stop_grace=0.2)
    cut: list[RefusedError] = []

    async def run() -> None:
        async with watching(rig, model) as watched:
            lease = await watched.enter("a")
            lease.cut = cut.append
            if number is not None:
                os.kill(rig.processes(model)[0], number)
            else:
                await hang(lease.endpoint)
            draining, *_ = await watched.next("draining", "stopping", "failed", "starting", "ready")
            assert "stopped answering: its port accepts connections, but /health was not answered" in str(
                draining.detail
            )
            assert "3 times in a row" in cut[0].message
            record = watched.switchboard.board.records["a"]
            assert record.endpoint is not None
            assert record.endpoint.generation != lease.endpoint.generation

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
            if sign == "something comes":
                lease.admission.last_data += 1  # a busy machine may take longer than `quiet` until the loop below
            asked = await count_of_questions(lease.endpoint)
            if sign == "it answers its health check":
                async with asyncio.timeout(PATIENCE):
                    while await count_of_questions(lease.endpoint) < asked + 3:  # noqa: ASYNC110 - there is no event
                        await asyncio.sleep(0.02)
            else:
                [process] = rig.processes(model)
                os.kill(process, signal.SIGSTOP)
                for _ in range(20):
                    if sign == "something comes":
                        lease.admission.last_data += 1
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


def test_the_end_of_an_engine_is_explained_to_who_had_its_answer_broken_off(tmp_path: Path) -> None:
    rig = ProcessRig(tmp_path)
    model = rig.model("a", "--say", "torch.OutOfMemoryError: CUDA out of memory.")
    cut: list[RefusedError] = []

    async def run() -> None:
        async with watching(rig, model) as watched:
            lease = await watched.enter("a")
            lease.cut = cut.append
            os.kill(rig.processes(model)[0], signal.SIGKILL)
            await watched.next("failed", "starting", "ready")
            [told] = cut
            assert told.kind == "model_failed"
            assert "`a` died (exit code -9)" in told.message

    asyncio.run(run())


@pytest.mark.skipif(sys.platform != "linux", reason="needs /proc")
def test_the_card_of_an_engine_that_died_is_not_free_while_something_of_it_lives(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("modelgen_runtime.drivers.processes.left_behind.KILL_SECONDS", 0.1)
    rig = ProcessRig(tmp_path)
    model = rig.model("a", "--daemon", stop_grace=0.1)

    async def run() -> None:
        async with watching(rig, model) as watched:
            await watched.enter("a")
            with monkeypatch.context() as patch:
                patch.setattr("modelgen_runtime.drivers.processes.left_behind._kill", lambda _pid, _mark: None)
                patch.setattr("modelgen_runtime.drivers.processes.groups.KILL_SECONDS", 0.1)
                patch.setattr("modelgen_runtime.supervision.engine_tasks._PAUSE", 0.1)
                os.kill(min(rig.processes(model)), signal.SIGKILL)
                _, stuck = await watched.next("stopping", "stuck")
                assert "which it left behind outside of its group" in str(stuck.detail)
                assert watched.switchboard.board.records["a"].holds_memory
            await watched.next("failed", "starting", "ready")

    asyncio.run(run())


@contextlib.contextmanager
def no_files() -> Iterator[None]:
    """Let this process open nothing for a while."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (3, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def test_an_engine_that_cannot_be_asked_is_left_alone(tmp_path: Path) -> None:
    """For want of descriptors here; a busy engine was taken for a hung one, and killed."""
    rig = ProcessRig(tmp_path)

    async def run() -> None:
        async with watching(rig, rig.model("a", stop_grace=0.2)) as watched:
            lease = await watched.enter("a")
            with no_files():
                await asyncio.sleep(10 * (IMPATIENT.quiet + IMPATIENT.pause))
            assert watched.switchboard.board.records["a"].state is State.READY
            asked = await count_of_questions(lease.endpoint)
            async with asyncio.timeout(PATIENCE):
                while await count_of_questions(lease.endpoint) == asked:  # noqa: ASYNC110 - there is no event
                    await asyncio.sleep(0.02)

    asyncio.run(run())


def test_a_start_without_descriptors_fails_in_words(tmp_path: Path) -> None:
    """The task that started the engine died unseen, and the model was "starting" for ever."""
    rig = ProcessRig(tmp_path)

    async def run() -> None:
        async with watching(rig, rig.model("a", stop_grace=0.2), rig.model("b", stop_grace=0.2)) as watched:
            await watched.enter("b")  # by now all that ran before has been looked for
            with no_files():
                with pytest.raises(RefusedError, match="Too many open files"):
                    async with asyncio.timeout(PATIENCE):
                        await watched.enter("a")
                assert watched.switchboard.board.records["a"].failure is not None
            async with asyncio.timeout(PATIENCE):
                while True:
                    with contextlib.suppress(RefusedError):  # it waits a little before it is tried again
                        await watched.enter("a")
                        break
                    await asyncio.sleep(0.1)

    asyncio.run(run())
