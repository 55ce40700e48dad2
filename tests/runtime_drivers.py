"""What every driver has to do, as functions over one: the suite that the next driver has to pass too."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pytest

from modelgen_runtime.driver import DriverError
from modelgen_runtime.readiness import wait_ready
from runtime_serving import engine

if TYPE_CHECKING:
    from collections.abc import Callable

    from modelgen_runtime.driver import Driver, Endpoint, Exit
    from modelgen_runtime.manifest import Model


@dataclass
class Bench:
    """A driver at work.

    Args:
        make: Returns a driver over the same state; the next one is what comes after a crash of the orchestrator.
        alive: Tells whether anything of an engine is left, by its model's id.
    """

    make: Callable[[], Driver]
    alive: Callable[[str], bool]
    exits: list[tuple[str, Exit]] = field(default_factory=list)
    seen: asyncio.Event = field(default_factory=asyncio.Event)

    async def begin(self, *models: Model) -> tuple[Driver, dict[str, Endpoint]]:
        """Return a driver that has begun, and what it has taken over."""
        driver = self.make()

        def note(id_: str, exit_: Exit) -> None:
            self.exits.append((id_, exit_))
            self.seen.set()

        return driver, await driver.adopt([*models], note)

    async def start(self, driver: Driver, model: Model) -> Endpoint:
        """Start an engine that serves."""
        endpoint = await driver.start(model)
        await wait_ready(model, endpoint, asyncio.get_running_loop().create_future())
        return endpoint

    async def end(self, driver: Driver, *models: Model) -> None:
        """Stop engines and let go."""
        for model in models:
            await driver.stop(model)
            assert not self.alive(model.id)
        await driver.close()


async def starts_and_stops(bench: Bench) -> None:
    """An engine runs, ends when it is told to, and its end is told of before `stop` returns."""
    model = engine("a")
    driver, adopted = await bench.begin(model)
    assert adopted == {}
    endpoint = await bench.start(driver, model)
    assert bench.alive("a")
    await driver.stop(model)
    assert [(id_, exit_.generation, exit_.code) for id_, exit_ in bench.exits] == [("a", endpoint.generation, 0)]
    assert not bench.alive("a")
    again = await bench.start(driver, model)
    assert again.generation != endpoint.generation
    await bench.end(driver, model)


async def stop_of_what_does_not_run_is_nothing(bench: Bench) -> None:
    """Stopping twice, or what never ran, goes well."""
    model = engine("a")
    driver, _ = await bench.begin(model)
    await driver.stop(model)
    await driver.close()
    assert bench.exits == []


async def an_exit_is_seen_with_its_code(bench: Bench) -> None:
    """Nobody asked for it, and its last words are there."""
    model = engine("a", "--say", "boom hf_" + "s" * 30, "--exit-at-start", "7")
    driver, _ = await bench.begin(model)
    endpoint = await driver.start(model)
    await bench.seen.wait()
    assert [(id_, exit_.generation, exit_.code) for id_, exit_ in bench.exits] == [("a", endpoint.generation, 7)]
    assert driver.last_words("a", 5) == ["boom •••"]
    await driver.close()


async def the_last_words_are_of_the_last_start(bench: Bench) -> None:
    """The log goes back further."""
    driver, _ = await bench.begin(engine("a"))
    for word in ("one", "two"):
        bench.seen.clear()
        await driver.start(engine("a", "--say", word, "--exit-at-start", "1"))
        await bench.seen.wait()
    assert driver.last_words("a", 9) == ["two"]
    assert driver.tail("a", 9)[-2:] == ["one", "two"]
    assert driver.tail("a", 0) == []
    await driver.close()


async def who_ignores_sigterm_is_killed(bench: Bench) -> None:
    """After its grace, and its children with it."""
    model = engine("a", "--ignore-term", "--child", stop_grace=0.2)
    driver, _ = await bench.begin(model)
    await bench.start(driver, model)
    await bench.end(driver, model)
    assert [exit_.code for _, exit_ in bench.exits] == [-9]


async def what_a_dead_engine_leaves_behind_is_cleared_away(bench: Bench) -> None:
    """A child that goes on holds the card."""
    model = engine("a", "--child", "--exit-after", "1", "--exit-code", "3")
    driver, _ = await bench.begin(model)
    endpoint = await bench.start(driver, model)
    reader, writer = await asyncio.open_connection(endpoint.host, endpoint.port)
    body = b'{"model": "a"}'
    head = b"POST /v1/completions HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n"
    writer.write(head % len(body) + body)
    assert await reader.read() == b""
    writer.close()
    await bench.seen.wait()
    assert bench.exits[0][1].code == 3
    assert not bench.alive("a")
    await driver.close()


async def what_cannot_start_says_why(bench: Bench, model: Model, why: str) -> None:
    """And nothing of it is left."""
    driver, _ = await bench.begin(model)
    with pytest.raises(DriverError, match=why):
        await driver.start(model)
    assert not bench.alive(model.id)
    await driver.close()


async def the_next_one_takes_over(bench: Bench) -> None:
    """Engines outlive their orchestrator, and are known by what they were started with."""
    same, other, gone = engine("same"), engine("other"), engine("gone")
    driver, _ = await bench.begin(same, other, gone)
    endpoints = {model.id: await bench.start(driver, model) for model in (same, other, gone)}
    await driver.close()
    bench.exits.clear()
    changed = engine("other", "--pace", "1")
    driver, adopted = await bench.begin(same, changed)
    assert adopted == {"same": endpoints["same"]}
    assert (bench.alive("same"), bench.alive("other"), bench.alive("gone")) == (True, False, False)
    assert driver.tail("same", 9)
    await driver.stop(same)
    assert [(id_, exit_.generation, exit_.code) for id_, exit_ in bench.exits] == [
        ("same", endpoints["same"].generation, None)
    ]
    await bench.end(driver, changed)


async def logs_are_followed(bench: Bench) -> None:
    """Line by line, as they come."""
    model = engine("a")
    driver, _ = await bench.begin(model)
    lines = driver.follow("a")
    first = asyncio.ensure_future(anext(lines))
    await asyncio.sleep(0)
    await bench.start(driver, model)
    async with asyncio.timeout(10):
        assert (await first).startswith("INFO: a listens on")
    await lines.aclose()  # type: ignore[attr-defined]
    await bench.end(driver, model)


ALL = (
    starts_and_stops,
    stop_of_what_does_not_run_is_nothing,
    an_exit_is_seen_with_its_code,
    the_last_words_are_of_the_last_start,
    who_ignores_sigterm_is_killed,
    what_a_dead_engine_leaves_behind_is_cleared_away,
    the_next_one_takes_over,
    logs_are_followed,
)
