"""Listen, serve, and shut down without cutting off requests that can still be answered."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import logging
import signal
from typing import TYPE_CHECKING

from modelgen_runtime.drivers.driver import DriverError
from modelgen_runtime.gateway.door import Door
from modelgen_runtime.gateway.server import Connection, sweep

if TYPE_CHECKING:
    from collections.abc import Callable

    from modelgen_runtime.gateway.front import Front
    from modelgen_runtime.supervision.switchboard import Switchboard

_TAKEN = (errno.EADDRINUSE, errno.EACCES)
_LOOK = 0.02
_FLUSH = 0.5
"""Seconds for the last answers to be sent."""
_LOG = logging.getLogger(__name__)


class CannotServeError(Exception):
    """The orchestrator cannot serve; the message is one sentence with the next step.

    Args:
        message: The sentence.
        exit_code: 1 for an error in the files, 3 for one of the system.
    """

    def __init__(self, message: str, exit_code: int) -> None:
        super().__init__(message)
        self.exit_code = exit_code


class _Ending:
    """Signals: the first one begins a shutdown, the second one skips its waits."""

    def __init__(self) -> None:
        self.asked, self.at_once = asyncio.Event(), asyncio.Event()
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            if signal.getsignal(number) is not signal.SIG_IGN:  # as `nohup` sets it
                loop.add_signal_handler(number, self._note)

    def _note(self) -> None:
        (self.at_once if self.asked.is_set() else self.asked).set()


async def serve(
    front: Front, switchboard: Switchboard, connections: set[Connection], bind: str, *, stop_engines: bool
) -> None:
    """Serve until a signal, then shut down.

    Args:
        front: The shared part of all connections.
        switchboard: Owns the state.
        connections: Accepts the connections of clients.
        bind: Address of the socket, `host:port`.
        stop_engines: Whether engines stop with the orchestrator.

    Raises:
        CannotServeError: It cannot begin, or cannot go on.
    """
    ending = _Ending()
    door = _listen(front, connections, bind)
    works = (switchboard.run(), switchboard.watch(), sweep(connections, front))
    tasks = [asyncio.create_task(work) for work in works]
    waiting = asyncio.create_task(ending.asked.wait())
    print(f"modelgen: serving on http://{bind}", flush=True)  # noqa: T201 - callers wait for this line
    try:
        await asyncio.wait([*tasks, waiting], return_when=asyncio.FIRST_COMPLETED)
        door.close()
        if ending.asked.is_set():
            await _finish(front, switchboard, connections, ending)
    finally:
        door.close()
        for task in (*tasks, waiting):
            task.cancel()
        results = await asyncio.gather(*tasks, return_exceptions=True)
        for connection in [*connections]:
            connection.abort()
        front.pool.close()
        _LOG.info("stopping all engines" if stop_engines else "shutting down; the engines keep running")
        await switchboard.close(stop_engines=stop_engines, at_once=ending.at_once)
        for result in results:
            if isinstance(result, DriverError):
                raise CannotServeError(str(result), 3) from result
            if isinstance(result, Exception):
                raise result


def _listen(front: Front, connections: set[Connection], bind: str) -> Door:
    try:
        return Door(bind, lambda: Connection(front, connections), front.descriptors.has_room_for_answer)
    except OSError as error:
        reason = "is taken" if error.errno in _TAKEN else f"cannot be used ({error.strerror or error})"
        raise CannotServeError(
            f"the address {bind} {reason}; end what listens there, or write another `listen` in `[orchestrator]`", 3
        ) from error


async def _finish(front: Front, switchboard: Switchboard, connections: set[Connection], ending: _Ending) -> None:
    """Refuse queued requests, and let those in flight finish for up to `shutdown_timeout`."""
    front.is_closing = True
    await switchboard.shut()
    if count := switchboard.running:
        seconds = switchboard.board.manifest.settings.shutdown_timeout
        _LOG.info("waiting up to %g s for running requests: %d; a second signal ends them at once", seconds, count)
        await _wait_until(lambda: not switchboard.running, seconds, ending)
        await switchboard.cut()
    for connection in [*connections]:
        connection.shut()
    await _wait_until(lambda: not connections, _FLUSH, ending)


async def _wait_until(is_over: Callable[[], bool], seconds: float, ending: _Ending) -> None:
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            while not (is_over() or ending.at_once.is_set()):  # noqa: ASYNC110 - several owners have no common event
                await asyncio.sleep(_LOOK)
