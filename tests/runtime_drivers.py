"""What every driver of engines does, as functions of a rig that makes drivers over one state.

A driver passes when `asyncio.run(behave(rig))` passes for each function of `BEHAVIOURS`. The rig builds models whose
engine is the fake one; a driver is dropped by `close`, which stands for the end of an orchestrator.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
from typing import TYPE_CHECKING, Any, Protocol

import pytest

from modelgen_runtime.drivers.driver import DriverError, Exit
from modelgen_runtime.engines.probing import ProbeError, ask
from modelgen_runtime.engines.readiness import wait_ready

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterable

    from modelgen_runtime.drivers.driver import Driver, Endpoint
    from modelgen_runtime.manifest import Model

PATIENCE = 20.0  # seconds until a test that waits for an event has failed


class Rig(Protocol):
    """Where a driver is tested."""

    def driver(self) -> Driver:
        """Return a new driver over the same state as those before it."""

    def model(self, name: str, *options: str, **fields: Any) -> Model:  # noqa: ANN401
        """Return a model whose engine is the fake one with these options, ready to be started by the driver."""

    def missing(self, name: str) -> Model:
        """Return a model whose engine cannot be started, for what it consists of is not there."""

    def processes(self, model: Model) -> list[int]:
        """Return the living processes of an engine, its workers included, by the system's own account."""


class Watched:
    """A driver that has begun, with the exits that it told of."""

    def __init__(self, driver: Driver, exits: asyncio.Queue[tuple[str, Exit]]) -> None:
        self.driver, self.exits = driver, exits
        self.found: dict[str, Endpoint] = {}

    async def next_exit(self) -> tuple[str, Exit]:
        async with asyncio.timeout(PATIENCE):
            return await self.exits.get()

    async def start_ready(self, model: Model) -> Endpoint:
        endpoint = await self.driver.start(model)
        await wait_ready(model, endpoint, asyncio.get_running_loop().create_future())
        return endpoint


@contextlib.asynccontextmanager
async def begun(rig: Rig, *models: Model) -> AsyncIterator[Watched]:
    """Begin with a driver, and let go of it at the end."""
    exits: asyncio.Queue[tuple[str, Exit]] = asyncio.Queue()
    watched = Watched(rig.driver(), exits)
    try:
        watched.found = await watched.driver.adopt(list(models), lambda model, exit_: exits.put_nowait((model, exit_)))
        yield watched
    finally:
        await watched.driver.close()


async def a_look_at_what_can_be_started_finds_nothing_and_starts_nothing(rig: Rig) -> None:
    model = rig.model("a")
    async with begun(rig, model) as watched:
        await watched.driver.check(model)
        assert rig.processes(model) == []


async def a_started_engine_serves_and_a_stopped_one_is_gone(rig: Rig) -> None:
    model = rig.model("a")
    async with begun(rig, model) as watched:
        assert watched.found == {}
        endpoint = await watched.start_ready(model)
        assert len(rig.processes(model)) == 1
        await watched.driver.stop(model)
        assert rig.processes(model) == []
        assert await watched.next_exit() == ("a", Exit(endpoint.generation, 0))
        with pytest.raises(ProbeError):
            await ask(endpoint, "/health", seconds=PATIENCE)


async def each_start_has_a_generation_of_its_own(rig: Rig) -> None:
    model = rig.model("a")
    async with begun(rig, model) as watched:
        generations = set()
        for _ in range(3):
            generations.add((await watched.driver.start(model)).generation)
            await watched.driver.stop(model)
        assert len(generations) == 3


async def engines_run_beside_each_other_and_stop_apart(rig: Rig) -> None:
    one, two = rig.model("a"), rig.model("b")
    async with begun(rig, one, two) as watched:
        endpoints = await asyncio.gather(watched.start_ready(one), watched.start_ready(two))
        await watched.driver.stop(one)
        assert (await ask(endpoints[1], "/health", seconds=PATIENCE)).status == 200
        assert rig.processes(one) == []
        await watched.driver.stop(two)


async def an_exit_at_start_is_told_with_its_code(rig: Rig) -> None:
    model = rig.model("a", "--exit-at-start", "3", "--say", "no room")
    async with begun(rig, model) as watched:
        endpoint = await watched.driver.start(model)
        assert await watched.next_exit() == ("a", Exit(endpoint.generation, 3))
        assert watched.driver.tail("a", 1) == ["no room"]


async def an_exit_with_code_zero_is_told_too(rig: Rig) -> None:
    model = rig.model("a", "--exit-when-ready", "0")
    async with begun(rig, model) as watched:
        endpoint = await watched.driver.start(model)
        await _knock(endpoint)
        assert await watched.next_exit() == ("a", Exit(endpoint.generation, 0))


async def a_killed_engine_can_be_started_again(rig: Rig) -> None:
    model = rig.model("a")
    async with begun(rig, model) as watched:
        first = await watched.start_ready(model)
        os.kill(rig.processes(model)[0], 9)
        assert await watched.next_exit() in _killed("a", first)
        second = await watched.start_ready(model)
        assert second.generation != first.generation
        await watched.driver.stop(model)


async def an_engine_gets_its_grace(rig: Rig) -> None:
    model = rig.model("a", "--stop-after", "0.3")
    async with begun(rig, model) as watched:
        endpoint = await watched.start_ready(model)
        await watched.driver.stop(model)
        assert await watched.next_exit() == ("a", Exit(endpoint.generation, 0))


async def who_ignores_sigterm_is_killed(rig: Rig) -> None:
    model = rig.model("a", "--ignore-term", stop_grace=0.2)
    async with begun(rig, model) as watched:
        endpoint = await watched.start_ready(model)
        await watched.driver.stop(model)
        assert rig.processes(model) == []
        assert await watched.next_exit() in _killed("a", endpoint)


async def a_worker_that_outlives_its_leader_is_killed(rig: Rig) -> None:
    model = rig.model("a", "--child", stop_grace=0.2)
    async with begun(rig, model) as watched:
        await watched.start_ready(model)
        assert len(rig.processes(model)) == 2
        await watched.driver.stop(model)
        assert rig.processes(model) == []


async def a_worker_that_left_its_group_is_killed_too(rig: Rig) -> None:
    model = rig.model("a", "--daemon", stop_grace=0.2)
    async with begun(rig, model) as watched:
        await watched.start_ready(model)
        assert len(rig.processes(model)) == 2
        await watched.driver.stop(model)
        assert rig.processes(model) == []


async def the_workers_of_an_engine_that_died_are_killed_before_its_exit_is_told(rig: Rig) -> None:
    model = rig.model("a", "--child", "--exit-when-ready", "5")
    async with begun(rig, model) as watched:
        endpoint = await watched.driver.start(model)
        await _knock(endpoint)
        assert await watched.next_exit() == ("a", Exit(endpoint.generation, 5))
        assert rig.processes(model) == []


async def stopping_what_does_not_run_does_nothing(rig: Rig) -> None:
    model = rig.model("a")
    async with begun(rig, model) as watched:
        await watched.driver.stop(model)
        assert watched.exits.empty()


async def what_is_not_there_cannot_be_started(rig: Rig) -> None:
    model = rig.missing("a")
    async with begun(rig, model) as watched:
        with pytest.raises(DriverError, match=r"cannot be started|has no container"):
            await watched.driver.check(model)
        with pytest.raises(DriverError, match=r"cannot be started|has no container"):
            await watched.driver.start(model)
        assert watched.exits.empty()


async def the_tail_has_the_last_lines_of_this_start_and_those_before(rig: Rig) -> None:
    model = rig.model("a", "--say", "hello", "--exit-at-start", "1")
    async with begun(rig, model) as watched:
        assert watched.driver.tail("a", 10) == []
        for _ in range(2):
            await watched.driver.start(model)
            await watched.next_exit()
        assert [line for line in watched.driver.tail("a", 10) if "hello" in line] == ["hello", "hello"]
        assert watched.driver.tail("a", 1) == ["hello"]


async def a_follower_sees_lines_as_they_come_and_none_from_before(rig: Rig) -> None:
    model = rig.model("a", "--say", "loading")
    async with begun(rig, model) as watched:
        await watched.start_ready(model)
        # Docker passes on a line later than the engine answers; the busy machine of a whole run showed it.
        await until(lambda: "loading" in watched.driver.tail("a", 10))
        lines = watched.driver.follow("a")
        await watched.driver.stop(model)
        seen = await _read_until(lines, "got SIGTERM")
        await watched.driver.start(model)
        seen += await _read_until(lines, "loading")
        assert seen.count("loading") == 1
        await watched.driver.stop(model)


async def secrets_are_masked_and_bytes_that_are_no_text_do_no_harm(rig: Rig) -> None:
    model = rig.model("a", "--say", f"token hf_{'aB3' * 12}!", "--exit-at-start", "1")
    async with begun(rig, model) as watched:
        lines = watched.driver.follow("a")
        await watched.driver.start(model)
        assert (await _read_until(lines, "token •••!"))[-1] == "token •••!"
        await watched.next_exit()
        assert watched.driver.tail("a", 1) == ["token •••!"]


async def a_running_engine_is_adopted_by_the_next_driver(rig: Rig) -> None:
    model = rig.model("a", "--say", "first")
    async with begun(rig, model) as watched:
        endpoint = await watched.start_ready(model)
    async with begun(rig, model) as watched:
        assert watched.found == {"a": endpoint}
        assert (await ask(endpoint, "/health", seconds=PATIENCE)).status == 200
        assert "first" in watched.driver.tail("a", 10)
        await watched.driver.stop(model)
        assert rig.processes(model) == []
        assert await watched.next_exit() in _ended("a", endpoint, 0)


async def the_exit_of_an_adopted_engine_is_told(rig: Rig) -> None:
    model = rig.model("a")
    async with begun(rig, model) as watched:
        endpoint = await watched.start_ready(model)
    async with begun(rig, model) as watched:
        os.kill(rig.processes(model)[0], 9)
        assert await watched.next_exit() in [*_killed("a", endpoint), ("a", Exit(endpoint.generation, None))]


async def an_engine_that_ended_in_between_is_not_adopted(rig: Rig) -> None:
    model = rig.model("a")
    async with begun(rig, model) as watched:
        await watched.start_ready(model)
    os.kill(rig.processes(model)[0], 9)
    await until(lambda: not rig.processes(model))
    async with begun(rig, model) as watched:
        assert watched.found == {}
        await watched.start_ready(model)
        await watched.driver.stop(model)


async def an_engine_of_no_listed_model_is_ended_by_the_next_driver(rig: Rig) -> None:
    listed, other = rig.model("a"), rig.model("b", "--child", stop_grace=0.2)
    async with begun(rig, listed, other) as watched:
        endpoint = await watched.start_ready(listed)
        await watched.start_ready(other)
    async with begun(rig, listed) as watched:
        assert watched.found == {"a": endpoint}
        assert rig.processes(other) == []
        assert watched.exits.empty()
        await watched.driver.stop(listed)


async def a_cancelled_stop_can_be_asked_for_again(rig: Rig) -> None:
    model = rig.model("a", "--stop-after", "0.3")
    async with begun(rig, model) as watched:
        endpoint = await watched.start_ready(model)
        stopping = asyncio.create_task(watched.driver.stop(model))
        await _read_until(watched.driver.follow("a"), "got SIGTERM")
        stopping.cancel()
        await asyncio.gather(stopping, return_exceptions=True)
        await watched.driver.stop(model)
        assert await watched.next_exit() == ("a", Exit(endpoint.generation, 0))
        assert rig.processes(model) == []


BEHAVIOURS = (
    a_look_at_what_can_be_started_finds_nothing_and_starts_nothing,
    a_started_engine_serves_and_a_stopped_one_is_gone,
    each_start_has_a_generation_of_its_own,
    engines_run_beside_each_other_and_stop_apart,
    an_exit_at_start_is_told_with_its_code,
    an_exit_with_code_zero_is_told_too,
    a_killed_engine_can_be_started_again,
    an_engine_gets_its_grace,
    who_ignores_sigterm_is_killed,
    a_worker_that_outlives_its_leader_is_killed,
    a_worker_that_left_its_group_is_killed_too,
    the_workers_of_an_engine_that_died_are_killed_before_its_exit_is_told,
    stopping_what_does_not_run_does_nothing,
    what_is_not_there_cannot_be_started,
    the_tail_has_the_last_lines_of_this_start_and_those_before,
    a_follower_sees_lines_as_they_come_and_none_from_before,
    secrets_are_masked_and_bytes_that_are_no_text_do_no_harm,
    a_running_engine_is_adopted_by_the_next_driver,
    the_exit_of_an_adopted_engine_is_told,
    an_engine_that_ended_in_between_is_not_adopted,
    a_cancelled_stop_can_be_asked_for_again,
)

OF_OWNERS = (an_engine_of_no_listed_model_is_ended_by_the_next_driver,)
"""Of drivers whose engines nobody else has made."""


def _ended(model: str, endpoint: Endpoint, *codes: int | None) -> list[tuple[str, Exit]]:
    """Return the exits that a driver may tell of an adopted engine: the code, if it can know it."""
    return [(model, Exit(endpoint.generation, code)) for code in (*codes, None)]


def _killed(model: str, endpoint: Endpoint) -> Iterable[tuple[str, Exit]]:
    """Return what drivers may tell of SIGKILL: as the system does, or as shells and Docker do."""
    return [(model, Exit(endpoint.generation, code)) for code in (-9, 137)]


async def until(is_so: Callable[[], bool]) -> None:
    """Wait for something that the system tells only to those who ask."""
    async with asyncio.timeout(PATIENCE):
        while not is_so():  # noqa: ASYNC110 - there is no event
            await asyncio.sleep(0.01)


async def _knock(endpoint: Endpoint) -> None:
    """Ask for health until an engine that ends when it is ready has answered or gone."""
    async with asyncio.timeout(PATIENCE):
        while True:
            try:
                if (await ask(endpoint, "/health")).status == 200:
                    return
            except ProbeError as error:
                if "nothing listens" not in str(error):
                    return
            await asyncio.sleep(0.01)


async def _read_until(lines: AsyncIterator[str], wanted: str) -> list[str]:
    """Return the lines of a follower up to the one that is waited for."""
    seen = []
    async with asyncio.timeout(PATIENCE):
        async for line in lines:
            seen.append(line)
            if line == wanted:
                return seen
    raise AssertionError(f"the lines ended without {wanted!r}: {seen}")
