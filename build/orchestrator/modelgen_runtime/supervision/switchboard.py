"""The task that owns all state: it applies events to the board and executes the resulting actions on engines."""

from __future__ import annotations

import asyncio
import math
from typing import TYPE_CHECKING

from modelgen_runtime.state import refusals
from modelgen_runtime.state.board import Board
from modelgen_runtime.state.holds import OPERATOR
from modelgen_runtime.state.orders import Order, Ticket
from modelgen_runtime.supervision.engine_tasks import Engines
from modelgen_runtime.supervision.liveness import Liveness
from modelgen_runtime.supervision.targets import targets

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from modelgen_runtime.drivers.driver import Driver, Endpoint
    from modelgen_runtime.engines.admission import Admission, Lease, RefusedError
    from modelgen_runtime.gpus.gauge import Gauge
    from modelgen_runtime.manifest import Manifest
    from modelgen_runtime.state.lifecycle import LifecycleEvent
    from modelgen_runtime.supervision.engine_tasks import Event
    from modelgen_runtime.supervision.liveness import Patience
    from modelgen_runtime.supervision.store import Store
    from modelgen_runtime.supervision.targets import Target

_LOOK = 5.0
"""Seconds between polls for changes by others."""


class Switchboard:
    """Queues requests for the gateway, and executes the orders of the control API.

    Only its task changes state; callers send it functions that take the board.

    Args:
        manifest: The manifest.
        driver: Runs the engines.
        store: State that survives a restart.
        report: Called with each lifecycle event.
        patience: Time limits after which an engine counts as hung.
        gauge: Measures the GPUs, if that is wanted.
    """

    def __init__(  # noqa: PLR0913 - its parts
        self,
        manifest: Manifest,
        driver: Driver,
        store: Store,
        report: Callable[[LifecycleEvent], None],
        *,
        patience: Patience | None = None,
        gauge: Gauge | None = None,
    ) -> None:
        self._loop = asyncio.get_running_loop()
        self._store = store
        self._inbox: asyncio.Queue[Event] = asyncio.Queue()
        self._engines = Engines(driver, self._send, gauge)
        self._board = Board(manifest, self._loop.time, lambda: self._send(lambda _: None), report)
        self._names, self._routes = targets(self._board), _routes(manifest)
        self._is_resumed = False
        self._liveness = Liveness(self._board, self.restart_engine, patience)

    # -- for the gateway ----------------------------------------------------------------------------------------------

    def target(self, name: str) -> Target | None:
        """Return what a name, an alias or a variant stands for, or None."""
        return self._names.get(name)

    def routes(self) -> frozenset[str]:
        """Return the paths of all models."""
        return self._routes

    def names(self) -> Mapping[str, Target]:
        """Return the targets of all names."""
        return self._names

    async def enter(self, admission: Admission) -> Lease:
        """Queue for a model, which is started if necessary. Cancellation removes the request from the queue.

        Raises:
            RefusedError: The queue is full, or the model cannot be loaded.
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

        ticket = Ticket(admission, grant, refuse)
        self._send(lambda board: board.arrive(ticket))
        try:
            return await granted
        except asyncio.CancelledError:
            if granted.done() and not granted.cancelled() and granted.exception() is None:
                granted.result().leave()  # it was admitted just before its client left
            self._send(lambda board: board.withdraw(ticket))
            raise

    def note_error(self, lease: Lease, status: int, body: bytes) -> None:
        """Note an error that an engine returned; restart an engine that reports its own death."""
        model = lease.admission.model.id
        if lease.endpoint == lease.admission.endpoint:  # otherwise the engine was replaced, or is stopping
            kind = lease.admission.errors.note(status, body, self._loop.time())
            if kind.is_death:
                self.restart_engine(model, lease.endpoint, f"reported that it has died: {kind.message}")

    def restart_engine(self, model: str, endpoint: Endpoint, why: str) -> None:
        """Restart an engine that is alive but does not serve; `why` completes a sentence about it."""

        def give_up(board: Board) -> None:
            if (record := board.records.get(model)) is not None:
                board.give_up(model, endpoint.generation, self._engines.explain(record.model, why))

        self._send(give_up)

    # -- for the control API ------------------------------------------------------------------------------------------

    @property
    def board(self) -> Board:
        """All state, to read."""
        return self._board

    @property
    def is_resumed(self) -> bool:
        """Return whether the models that ran before were adopted or requested again."""
        return self._is_resumed

    def warnings(self) -> list[str]:
        """Return problems that an operator should fix although requests are served, a sentence each."""
        return [*([] if self._store.fault is None else [self._store.fault]), *self._engines.warnings()]

    async def switch(self, models: Sequence[str]) -> None:
        """Load models together, and return when all of them are ready.

        Raises:
            RefusedError: One of them failed. What was evicted is restored.
        """
        await self._look_before(models)
        order = Order(tuple(models), lambda _: None)

        def ask(board: Board, done: Callable[[RefusedError | None], None]) -> None:
            order.done = done
            board.ask(order)

        try:
            await self._ask(ask)
        except asyncio.CancelledError:  # the caller has left
            self._send(lambda board: board.take_back(order))
            raise

    async def stop(self, model: str) -> None:
        """Drain a model and stop it."""
        await self._ask(lambda board, done: board.stop(model, done))

    async def hold(self, model: str, owner: str = OPERATOR, lease: float | None = None, *, wait: bool = True) -> None:
        """Stop a model and keep it stopped until it is released or its lease expires."""

        def apply(board: Board, done: Callable[[RefusedError | None], None]) -> None:
            board.hold(model, done if wait else _ignore, owner, lease)
            if not wait:
                done(None)

        await self._ask(apply)

    async def release(self, model: str, owner: str | None = None) -> None:
        """End the hold of an owner, or all holds if no owner is given."""

        def apply(board: Board, done: Callable[[RefusedError | None], None]) -> None:
            board.release(model, owner)
            done(None)

        await self._ask(apply)

    async def reload(self, manifest: Manifest) -> None:
        """Apply another manifest."""

        def apply(board: Board, done: Callable[[RefusedError | None], None]) -> None:
            board.reload(manifest)
            self._names, self._routes = targets(board), _routes(manifest)
            done(None)

        await self._ask(apply)
        await self._look()

    # -- the task -----------------------------------------------------------------------------------------------------

    async def run(self) -> None:
        """Own the state until cancelled."""
        timer: asyncio.TimerHandle | None = None
        await self._begin()
        while True:
            actions, wake = self._board.advance()
            for action in actions:
                self._engines.act(action)
            started = {id_: one.started for id_, one in self._board.records.items() if one.started is not None}
            self._store.save(self._board.wanted(), started)
            if timer is not None:
                timer.cancel()
            timer = None if wake == math.inf else self._loop.call_at(wake, self._send, lambda _: None)
            (await self._inbox.get())(self._board)
            while not self._inbox.empty():
                self._inbox.get_nowait()(self._board)

    async def watch(self) -> None:
        """Find hung engines and changes by others, until cancelled."""
        async with asyncio.TaskGroup() as watching:
            watching.create_task(self._liveness.watch(), name="watch for hung engines")
            watching.create_task(self._watch_for_changes(), name="watch for changes")

    async def _watch_for_changes(self) -> None:
        """Poll for containers that others changed, until cancelled."""
        while True:
            await asyncio.sleep(_LOOK)
            self._store.retry()
            if self._is_resumed:
                await self._look()

    async def shut(self) -> None:
        """Refuse all queued requests; those in flight continue."""

        def apply(board: Board, done: Callable[[RefusedError | None], None]) -> None:
            board.shut()
            done(None)

        await self._ask(apply)

    async def cut(self) -> None:
        """End the requests in flight."""

        def apply(board: Board, done: Callable[[RefusedError | None], None]) -> None:
            for record in board.records.values():
                record.cut_leases(refusals.stopping())
            done(None)

        await self._ask(apply)

    @property
    def running(self) -> int:
        """The number of requests in flight."""
        return sum(len(record.admission.leases) for record in self._board.records.values())

    async def close(self, *, stop_engines: bool, at_once: asyncio.Event) -> None:
        """Release all engines, or stop them if wanted; `at_once` skips their grace period."""
        running = [record.model for record in self._board.records.values() if record.holds_memory]
        await self._engines.close(running if stop_engines else [], at_once)

    async def _begin(self) -> None:
        """Adopt running engines, and request the models that ran last, else those of the default profile."""
        for id_, endpoint in (await self._engines.adopt(self._board.manifest.models)).items():
            self._engines.act(self._board.adopt(id_, endpoint), endpoint)
        self._board.note_absent((await self._engines.look_around(self._board.manifest.models)).absent)
        for id_, started in self._store.starts().items():
            if (record := self._board.records.get(id_)) is not None and record.started is None:
                record.started = started
        stored = self._store.load()
        if stored is not None:
            self._board.resume(stored)
        else:
            for profile in self._board.manifest.profiles:
                if profile.default:
                    self._board.resume(profile.models)
        self._is_resumed = True

    async def _look_before(self, models: Sequence[str]) -> None:
        """Refuse a switch to a model that cannot start, before anything is evicted for it."""
        for id_ in models:
            record = self._board.records.get(id_)
            if record is None or record.holds_memory or record.is_held:
                continue
            model = record.model
            failure = await self._engines.look(model)
            await self._ask(lambda board, done, model=model, failure=failure: done(board.checked(model, failure)))  # type: ignore[misc]

    async def _look(self) -> None:
        starts = {id_: record.began for id_, record in self._board.records.items() if not record.holds_memory}
        seen = await self._engines.look_around(self._board.manifest.models)
        containers = self._engines.containers()

        def note(board: Board) -> None:
            board.note_absent(seen.absent)
            board.note_containers(containers)
            for id_ in seen.unexpected & starts.keys() & board.records.keys():
                if board.records[id_].began == starts[id_]:  # not started by us since then
                    board.note_unexpected(id_)

        self._send(note)

    def _send(self, event: Event) -> None:
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


def _ignore(_: RefusedError | None) -> None:
    """Ignore the outcome: the caller does not wait for it."""


def _routes(manifest: Manifest) -> frozenset[str]:
    return frozenset(path for model in manifest.models for path in model.routes)
