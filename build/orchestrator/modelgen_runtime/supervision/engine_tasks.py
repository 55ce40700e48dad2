"""Actions on engines, each in a task of its own: start and wait until ready, stop, and notice exits."""

from __future__ import annotations

import asyncio
import logging
from dataclasses import replace
from typing import TYPE_CHECKING, TypeAlias

from modelgen_runtime.drivers.driver import AbsentError, DriverError
from modelgen_runtime.engines.readiness import NotReadyError, wait_ready
from modelgen_runtime.engines.start_lines import read_start
from modelgen_runtime.failures.explanation import explain_failure
from modelgen_runtime.failures.occupation import name_occupation
from modelgen_runtime.failures.root_cause import find_cause
from modelgen_runtime.state.orders import Failure

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from modelgen_runtime.drivers.driver import Driver, Endpoint, Exit, Seen
    from modelgen_runtime.gpus.gauge import Gauge, Shortage
    from modelgen_runtime.manifest import Model
    from modelgen_runtime.state.board import Board
    from modelgen_runtime.state.lifecycle import Action

Event: TypeAlias = "Callable[[Board], object]"
"""A change of the board."""

_PAUSE = 5.0
"""Seconds between attempts to stop an engine."""
_LOG = logging.getLogger(__name__)


class Engines:
    """Executes the actions of the board, and sends it the outcomes.

    Args:
        driver: Runs the engines.
        send: Takes an event.
        gauge: Measures the GPUs, if that is wanted.
    """

    def __init__(self, driver: Driver, send: Callable[[Event], None], gauge: Gauge | None = None) -> None:
        self._loop = asyncio.get_running_loop()
        self._driver, self._send, self._gauge = driver, send, gauge
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._looks: set[asyncio.Task[None]] = set()
        self._exits: dict[str, asyncio.Future[Exit]] = {}

    async def adopt(self, models: Iterable[Model]) -> dict[str, Endpoint]:
        """Adopt engines that already run."""
        return await self._driver.adopt([*models], self._note_exit)

    def warnings(self) -> list[str]:
        """Return problems that an operator should fix although engines run."""
        return self._driver.warnings()

    async def look_around(self, models: Iterable[Model]) -> Seen:
        """Return changes to engines by others."""
        return await self._driver.look(models)

    def containers(self) -> dict[str, str]:
        """Return the container id of each model, as last seen."""
        return self._driver.containers()

    def act(self, action: Action, endpoint: Endpoint | None = None) -> None:
        """Begin an action; `endpoint` is that of an engine that already runs."""
        if action.verb == "check":
            self._looks.add(look := self._loop.create_task(self._check(action.model), name=f"check {action.model.id}"))
            look.add_done_callback(self._looks.discard)
            return
        model, before = action.model, self._tasks.get(action.model.id)
        work = self._stop(model, before) if action.verb == "stop" else self._start(model, endpoint)
        task = self._loop.create_task(work, name=f"{action.verb} {model.id}")
        self._tasks[model.id] = task

        def forget(done: asyncio.Task[None]) -> None:
            if self._tasks.get(model.id) is done:
                del self._tasks[model.id]

        task.add_done_callback(forget)

    async def close(self, running: Iterable[Model], at_once: asyncio.Event) -> None:
        """Cancel all actions, stop these engines, and release all others.

        Args:
            running: Engines to stop.
            at_once: Once set, those that are left are killed.
        """
        tasks = [*self._tasks.values(), *self._looks]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        hurry = asyncio.create_task(at_once.wait())
        stops = {asyncio.create_task(self._driver.stop(model)): model for model in running}
        while (left := {task for task in stops if not task.done()}) and not hurry.done():
            await asyncio.wait({*left, hurry}, return_when=asyncio.FIRST_COMPLETED)
        hurry.cancel()
        for task in left:
            task.cancel()
        kills = (self._driver.stop(replace(stops[task], stop_grace=0.0)) for task in left)
        await asyncio.gather(*stops, *kills, return_exceptions=True)
        await self._driver.close()

    async def look(self, model: Model) -> Failure | None:
        """Return why an engine cannot be started, as far as its driver can check, or None."""
        try:
            await self._driver.check(model)
        except (DriverError, OSError) as error:
            container = self._driver.containers().get(model.id)
            return Failure(str(error), is_absent=isinstance(error, AbsentError), container=container)
        return None

    async def _check(self, model: Model) -> None:
        failure = await self.look(model)
        self._send(lambda board: board.checked(model, failure))

    def explain(self, model: Model, message: str) -> Failure:
        """Return the failure of an engine that is alive but does not serve."""
        return self._explain(model, message, None)

    async def _start(self, model: Model, endpoint: Endpoint | None) -> None:
        exited = self._exits[model.id] = self._loop.create_future()
        short: list[Shortage] = []
        try:
            if endpoint is None:
                if self._gauge is not None:  # the driver frees memory a moment after the end of a process
                    short = await self._gauge.wait_free(model.reservations)
                endpoint = await self._driver.start(model)
            await wait_ready(model, endpoint, exited)
        except (DriverError, NotReadyError, OSError) as error:  # the last, for want of descriptors or memory
            ended = exited.result() if exited.done() else None
            if endpoint is not None and not (ended is not None and ended.is_gone):
                await self._end(model)
            failure = self._explain(model, str(error), ended, is_absent=isinstance(error, AbsentError))
            if short:
                failure = replace(failure, meaning=name_occupation(failure.meaning, map(str, short)))
            self._send(lambda board: board.failed(model.id, failure))
            return
        found, started = endpoint, read_start(self._last_words(model))

        def note(board: Board) -> None:
            board.ready(model.id, found)
            if started is not None and (record := board.records.get(model.id)) is not None:
                record.started = started

        self._send(note)
        if started is not None and started.is_unexpected(expected := model.expected) and expected is not None:
            _LOG.warning(
                "%s has a KV cache of %s tokens, estimated %s to %s: `modelgen fit --learn-from running` keeps it",
                *(model.id, f"{started.tokens:,.0f}", f"{expected.least:,}", f"{expected.most:,}"),
            )
        if exited.done():  # between the last probe and now
            self._note_exit(model.id, exited.result())

    async def _stop(self, model: Model, starting: asyncio.Task[None] | None) -> None:
        if starting is not None:
            starting.cancel()
            await asyncio.wait([starting])
        await self._end(model)
        self._send(lambda board: board.stopped(model.id))

    async def _end(self, model: Model) -> None:
        """Stop an engine. If that fails, report it and retry, since its memory is not free."""
        while True:
            try:
                await self._driver.stop(model)
            except (DriverError, OSError) as error:
                why = str(error)
                self._send(lambda board, why=why: board.not_stopped(model.id, why))  # type: ignore[misc]
                await asyncio.sleep(_PAUSE)
            else:
                return

    def _note_exit(self, id_: str, exit_: Exit) -> None:
        exited = self._exits.get(id_)
        if exited is not None and not exited.done():
            exited.set_result(exit_)
        self._send(lambda board: self._judge_exit(board, id_, exit_))

    def _judge_exit(self, board: Board, id_: str, exit_: Exit) -> None:
        """Report the exit of a ready engine as a failure, even with code 0. Starts and stops handle their own exits."""
        record = board.records.get(id_)
        if record is None or not record.standing.is_open or record.endpoint is None:
            return
        if record.endpoint.generation == exit_.generation:
            failure = self._explain(record.model, "died", exit_)
            if exit_.is_gone:
                board.failed(id_, failure)
            else:  # its GPU is not free before its other processes have ended
                board.give_up(id_, exit_.generation, failure)

    def _last_words(self, model: Model) -> list[str]:
        """Return the output of an engine, if it can be read."""
        try:
            return self._driver.last_start(model.id)
        except OSError as error:
            _LOG.warning("what %s has printed cannot be read: %s", model.id, error.strerror)
            return []

    def _explain(self, model: Model, message: str, ended: Exit | None, *, is_absent: bool = False) -> Failure:
        code = None if ended is None else ended.code
        cause = find_cause(self._last_words(model))
        hit_limit = None if ended is None else ended.hit_limit
        meaning = explain_failure(model.engine, code, cause, message, hit_limit=hit_limit)
        message_with_code = message if code is None else f"{message} (exit code {code})"
        container = self._driver.containers().get(model.id)
        return Failure(message_with_code, code, cause.shown, meaning, is_absent=is_absent, container=container)
