"""The one task that owns all state: events come in, the board decides, engines are started and stopped."""

from __future__ import annotations

import asyncio
import difflib
import math
from typing import TYPE_CHECKING

from modelgen_runtime.board import Board
from modelgen_runtime.driver import AbsentError, DriverError
from modelgen_runtime.failures import explain_failure
from modelgen_runtime.gate import RefusedError
from modelgen_runtime.orders import Failure, Order, Ticket
from modelgen_runtime.readiness import NotReadyError, wait_ready

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from modelgen_runtime.driver import Driver, Endpoint, Exit
    from modelgen_runtime.gate import Gate, Lease
    from modelgen_runtime.happenings import Action, Happening
    from modelgen_runtime.manifest import Manifest, Model
    from modelgen_runtime.store import Store

_LINES = 50
_PAUSE = 5.0
"""Seconds until an engine that could not be stopped is tried again."""


class Switchboard:
    """Who lets requests in, and what the control API talks to.

    Nothing outside its task changes state: all others send it functions of the board.

    Args:
        manifest: What there is.
        driver: Which runs the engines.
        store: What outlives this process.
        report: Told of everything that happens.
    """

    def __init__(self, manifest: Manifest, driver: Driver, store: Store, report: Callable[[Happening], None]) -> None:
        self._loop = asyncio.get_running_loop()
        self._driver, self._store, self._report = driver, store, report
        self._inbox: asyncio.Queue[Callable[[Board], None]] = asyncio.Queue()
        self._board = Board(manifest, self._loop.time, lambda: self._send(lambda _: None), report)
        self._names, self._routes = _names(self._board), _routes(manifest)
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._exits: dict[str, asyncio.Future[Exit]] = {}
        self._is_resumed = False

    # -- what the gateway asks ----------------------------------------------------------------------------------------

    def gate(self, name: str) -> Gate | None:
        """Return the gate of the model that answers to a name, or None for an unknown one."""
        return self._names.get(name)

    def routes(self) -> frozenset[str]:
        """Return the paths that any model has."""
        return self._routes

    def unknown(self, name: str) -> RefusedError:
        """Return the refusal of an unknown name, with the nearest known ones."""
        close = difflib.get_close_matches(name[:200], self._names, n=3, cutoff=0.5)
        hint = f"did you mean {', '.join(f'`{one}`' for one in close)}?" if close else "GET /v1/models lists them"
        return RefusedError(404, "model_not_found", f"there is no model `{name[:200]}`; {hint}")

    async def enter(self, gate: Gate) -> Lease:
        """Wait in line for a model, which is started if need be. Cancelled, the request leaves the line.

        Raises:
            RefusedError: The line is full, or the model cannot be had.
        """
        granted: asyncio.Future[Lease] = self._loop.create_future()

        def grant(lease: Lease) -> bool:
            if granted.done():
                return False
            granted.set_result(lease)
            return True

        def refuse(refusal: RefusedError) -> None:
            if not granted.done():
                granted.set_exception(refusal)

        ticket = Ticket(gate, grant, refuse)
        self._send(lambda board: board.arrive(ticket))
        try:
            return await granted
        except asyncio.CancelledError:
            if granted.done() and not granted.cancelled() and granted.exception() is None:
                granted.result().leave()  # it was let through just before it left
            self._send(lambda board: board.withdraw(ticket))
            raise

    # -- what the control API asks ------------------------------------------------------------------------------------

    @property
    def board(self) -> Board:
        """All state, to look at."""
        return self._board

    @property
    def is_resumed(self) -> bool:
        """Whether what ran before has been found again."""
        return self._is_resumed

    async def switch(self, models: Sequence[str]) -> None:
        """Make models resident together, and return when all of them serve.

        Raises:
            RefusedError: One of them does not, and what ran before comes back.
        """
        await self._ask(lambda board, done: board.ask(Order(tuple(models), done)))

    async def stop(self, model: str) -> None:
        """Stop a model once its requests have ended."""
        await self._ask(lambda board, done: board.stop(model, done))

    async def hold(self, model: str) -> None:
        """Stop a model and never start it until it is released."""
        await self._ask(lambda board, done: board.hold(model, done))

    async def release(self, model: str) -> None:
        """Let a model that was held start again."""

        def apply(board: Board, done: Callable[[RefusedError | None], None]) -> None:
            board.release(model)
            done(None)

        await self._ask(apply)

    async def reload(self, manifest: Manifest) -> None:
        """Go by another manifest."""

        def apply(board: Board, done: Callable[[RefusedError | None], None]) -> None:
            board.reload(manifest)
            self._names, self._routes = _names(board), _routes(manifest)
            done(None)

        await self._ask(apply)

    # -- the task -----------------------------------------------------------------------------------------------------

    async def run(self) -> None:
        """Own the state until cancelled."""
        timer: asyncio.TimerHandle | None = None
        await self._begin()
        while True:
            actions, wake = self._board.advance()
            for action in actions:
                self._act(action)
            self._store.save(self._board.wanted())
            if timer is not None:
                timer.cancel()
            timer = None if wake == math.inf else self._loop.call_at(wake, self._send, lambda _: None)
            (await self._inbox.get())(self._board)
            while not self._inbox.empty():
                self._inbox.get_nowait()(self._board)

    async def close(self, *, stop_engines: bool) -> None:
        """Let go of all engines, after stopping them where that is wanted."""
        tasks = [*self._tasks.values()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        records = self._board.records.values()
        refusal = RefusedError(503, "shutting_down", "the orchestrator is shutting down", retry_after=5)
        for record in records:
            record.refuse_line(refusal)
        if stop_engines:
            running = [record.model for record in records if record.holds_memory]
            await asyncio.gather(*(self._driver.stop(model) for model in running), return_exceptions=True)
        await self._driver.close()

    async def _begin(self) -> None:
        """Take over what runs, and ask for what ought to: what ran last, else the default profile."""
        models = self._board.manifest.models
        for id_, endpoint in (await self._driver.adopt([*models], self._note_exit)).items():
            self._act(self._board.adopt(id_, endpoint), endpoint)
        stored = self._store.load()
        if stored is not None:
            self._board.resume(stored)
        else:
            for profile in self._board.manifest.profiles:
                if profile.default:
                    self._board.ask(Order(profile.models, lambda _: None))
        self._is_resumed = True

    def _act(self, action: Action, endpoint: Endpoint | None = None) -> None:
        model, before = action.model, self._tasks.get(action.model.id)
        work = self._stop(model, before) if action.verb == "stop" else self._start(model, endpoint)
        task = self._loop.create_task(work, name=f"{action.verb} {model.id}")
        self._tasks[model.id] = task

        def forget(done: asyncio.Task[None]) -> None:
            if self._tasks.get(model.id) is done:
                del self._tasks[model.id]

        task.add_done_callback(forget)

    async def _start(self, model: Model, endpoint: Endpoint | None) -> None:
        exited = self._exits[model.id] = self._loop.create_future()
        try:
            if endpoint is None:
                endpoint = await self._driver.start(model)
            await wait_ready(model, endpoint, exited)
        except (DriverError, NotReadyError) as error:
            code = exited.result().code if exited.done() else None
            if endpoint is not None and not exited.done():
                await self._end(model)
            failure = self._explain(model, str(error), code, is_absent=isinstance(error, AbsentError))
            self._send(lambda board: board.failed(model.id, failure))
            return
        found = endpoint
        self._send(lambda board: board.ready(model.id, found))
        if exited.done():  # between the last probe and now
            self._note_exit(model.id, exited.result())

    async def _stop(self, model: Model, starting: asyncio.Task[None] | None) -> None:
        if starting is not None:
            starting.cancel()
            await asyncio.wait([starting])
        await self._end(model)
        self._send(lambda board: board.stopped(model.id))

    async def _end(self, model: Model) -> None:
        """Stop an engine; one that holds out is told of and tried again, for its memory is not free."""
        while True:
            try:
                await self._driver.stop(model)
            except DriverError as error:
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
        """An exit of an engine that served is a failure, code 0 included; starts and stops look after their own."""
        record = board.records.get(id_)
        if record is None or not record.standing.is_open or record.endpoint is None:
            return
        if record.endpoint.generation == exit_.generation:
            board.failed(id_, self._explain(record.model, "died", exit_.code))

    def _explain(self, model: Model, message: str, code: int | None, *, is_absent: bool = False) -> Failure:
        lines = tuple(self._driver.last_words(model.id, _LINES))
        known = explain_failure(code, lines)
        told = message if code is None else f"{message} (exit code {code})"
        return Failure(
            told,
            self._loop.time(),
            code,
            lines,
            meaning=known.meaning if known else None,
            remedy=known.remedy if known else None,
            is_absent=is_absent,
        )

    def _send(self, event: Callable[[Board], None]) -> None:
        self._inbox.put_nowait(event)

    async def _ask(self, call: Callable[[Board, Callable[[RefusedError | None], None]], None]) -> None:
        answered: asyncio.Future[None] = self._loop.create_future()

        def done(refusal: RefusedError | None) -> None:
            if answered.done():
                return
            if refusal is None:
                answered.set_result(None)
            else:
                answered.set_exception(refusal)

        self._send(lambda board: call(board, done))
        await answered


def _routes(manifest: Manifest) -> frozenset[str]:
    return frozenset(path for model in manifest.models for path in model.routes)


def _names(board: Board) -> dict[str, Gate]:
    """Return all names that clients may use."""
    return {name: record.gate for record in board.records.values() for name in record.model.names}
