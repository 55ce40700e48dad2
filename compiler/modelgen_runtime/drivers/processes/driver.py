"""The driver that runs engines as local processes."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import secrets
import signal
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from modelgen_runtime.drivers.driver import DriverError, Endpoint, Exit, Seen
from modelgen_runtime.drivers.processes.exits import reap, watch_exit
from modelgen_runtime.drivers.processes.groups import KILL_SECONDS, end_group, signal_group, wait_until_empty
from modelgen_runtime.drivers.processes.left_behind import VARIABLE, end_left_behind, mark
from modelgen_runtime.drivers.processes.logs import FILE_BYTES, EngineLog
from modelgen_runtime.drivers.processes.ports import choose_port
from modelgen_runtime.drivers.processes.records import Record, digest_process, read_records, write_records
from modelgen_runtime.drivers.processes.spawning import check_process, spawn_held
from modelgen_runtime.drivers.processes.table import FINDS_MARKED, identify, is_of_this_boot, list_group, list_marked
from modelgen_runtime.failures.log_lines import secret_values

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterable

    from modelgen_runtime.manifest import Model, Process

_TRIM_SECONDS, _BUSY_TRIM_SECONDS = 1.0, 0.05
_BLIND_SECONDS = 0.1
_SPARE_DESCRIPTORS = 16
"""Descriptors for a start, including connections for requests that wait for it."""
_LOG = logging.getLogger(__name__)


@dataclass(eq=False, slots=True)
class _Engine:
    """A running process, and the tasks that wait for its exit."""

    record: Record
    exited: asyncio.Future[int | None]
    is_stopping: bool = False
    left_behind: str = ""
    gone: asyncio.Event = field(default_factory=asyncio.Event)
    watch: asyncio.Task[None] | None = None


class ProcessDriver:
    """Runs engines as children, each the leader of a process group.

    Args:
        directory: Contains `processes.json` and `logs/`; used only by this driver.
        log_limit: Maximum size of the log of one model in bytes; the older log has the same limit.
    """

    def __init__(self, directory: Path, log_limit: int = FILE_BYTES) -> None:
        self._directory, self._log_limit = directory, log_limit
        self._state = directory / "processes.json"
        self._engines: dict[str, _Engine] = {}
        self._logs: dict[str, EngineLog] = {}
        self._trimming: asyncio.Task[None] | None = None
        self._fault: str | None = None
        self._on_exit: Callable[[str, Exit], None] = lambda _model, _exit: None

    async def adopt(self, models: list[Model], on_exit: Callable[[str, Exit], None]) -> dict[str, Endpoint]:
        """Begin: adopt running engines with the same configuration, and stop all others on record.

        Raises:
            DriverError: The state cannot be used, or an engine cannot be ended.
        """
        self._on_exit = on_exit
        with contextlib.suppress(OSError):  # reported when the state is saved
            self._directory.mkdir(parents=True, exist_ok=True)
        known = {model.id: model.process for model in models if model.process is not None}
        unknown = []
        for record in read_records(self._state):
            exited = watch_exit(record.pid)
            # The watch is on the current process with this pid. Its identity is checked afterwards, so it is stable.
            process = known.get(record.model)
            is_same = process is not None and digest_process(process) == record.digest
            if process is not None and is_same and identify(record.pid) == record.identity:
                self._take(record, exited)
                self._log(record.model).hide(secret_values(known[record.model].environment))
            else:
                exited.cancel()
                unknown.append(record)
        outcomes = await asyncio.gather(*map(_end_unknown, unknown), return_exceptions=True)
        for outcome in outcomes:
            if outcome is not None:
                raise outcome
        await self._end_unrecorded()
        self._save()
        self._trimming = asyncio.create_task(self._keep_house(), name="trim logs")
        return {model: _endpoint(engine.record) for model, engine in self._engines.items()}

    async def look(self, models: Iterable[Model]) -> Seen:  # noqa: ARG002 - see `Driver`
        """Return nothing: a program is only looked for when it is started, and only this driver starts it."""
        return Seen()

    async def check(self, model: Model) -> None:
        """Check whether an engine can be started.

        Raises:
            DriverError: It could not, as far as can be seen.
        """
        if model.process is None:
            raise DriverError("has no `process` in the manifest")
        try:
            check_process(model.process)
            _check_hub(model)
            _check_descriptors()
            choose_port({engine.record.port for engine in self._engines.values()})
            self._check_record()
        except DriverError as error:
            raise DriverError(f"cannot be started: {error}") from error

    def containers(self) -> dict[str, str]:
        """Return nothing, since processes run in no container."""
        return {}

    async def start(self, model: Model) -> Endpoint:
        """Start an engine. It awaits nothing, so cancellation never leaves it half done.

        Raises:
            DriverError: It cannot be started.
        """
        if model.process is None:
            raise DriverError("has no `process` in the manifest")
        if model.id in self._engines:
            raise DriverError(f"runs already, as process {self._engines[model.id].record.pid}")
        generation = secrets.token_hex(8)
        port = choose_port({engine.record.port for engine in self._engines.values()})
        try:
            self._log(model.id).hide(secret_values(model.process.environment))
            log = self._log(model.id).open_for(generation)
            try:
                held = spawn_held(self._marked(model.process, generation), port, log)
            finally:
                os.close(log)
        except (DriverError, OSError) as error:
            raise DriverError(f"cannot be started: {error}") from error
        identity = identify(held.pid) or ""  # killed already, which the watch reports
        digest = digest_process(model.process)
        record = Record(model.id, held.pid, identity, port, generation, digest, model.stop_grace)
        # Without a record, the next orchestrator finds it by its mark.
        if not self._save(record) and not FINDS_MARKED:
            held.abandon()
            raise DriverError(f"cannot be started, because it cannot be recorded: {self._fault}")
        self._take(record, watch_exit(held.pid))
        held.release()
        return _endpoint(record)

    async def stop(self, model: Model) -> None:
        """Stop an engine if it runs, and return once its process group is empty.

        Raises:
            DriverError: It cannot be stopped.
        """
        engine = self._engines.get(model.id)
        if engine is not None:
            engine.is_stopping = True
            try:
                await end_group(engine.record.pid, model.stop_grace, engine.gone.wait)
            except (DriverError, OSError) as error:
                raise DriverError(engine.left_behind or str(error)) from error

    def warnings(self) -> list[str]:
        """Return why the state cannot be saved, if so."""
        return [] if self._fault is None else [self._fault]

    def tail(self, model: str, count: int) -> list[str]:
        """Return the last lines of output, of this start and earlier ones, oldest first."""
        return self._log(model).tail(count)

    def last_start(self, model: str) -> list[str]:
        """Return the output since the last start; of a long one, the beginning and the end."""
        return self._log(model).last_start()

    def follow(self, model: str) -> AsyncIterator[str]:
        """Yield further lines of output."""
        return self._log(model).follow()

    async def close(self) -> None:
        """Release all resources. Running engines continue, and still write to their logs."""
        tasks = [task for engine in self._engines.values() if (task := engine.watch) is not None]
        tasks += [] if self._trimming is None else [self._trimming]
        for task in tasks:
            task.cancel()
        for engine in self._engines.values():
            engine.exited.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        self._engines.clear()

    def _take(self, record: Record, exited: asyncio.Future[int | None]) -> None:
        engine = self._engines[record.model] = _Engine(record, exited)
        engine.watch = asyncio.create_task(self._watch(engine), name=f"watch {record.model}")

    async def _watch(self, engine: _Engine) -> None:
        """Wait for the exit of an engine and all its processes, and report it."""
        record, code = engine.record, await engine.exited
        with contextlib.suppress(DriverError):  # processes of another user, reported below if they live on
            if not engine.is_stopping:
                signal_group(record.pid, signal.SIGKILL)  # workers without a leader do not serve, and occupy the GPU
        was_logged = False
        while not await self._is_gone(engine):
            if not engine.is_stopping and not was_logged:
                was_logged = True
                self._on_exit(record.model, Exit(record.generation, code, is_gone=False))
        del self._engines[record.model]
        self._save()
        engine.gone.set()
        if not was_logged:
            self._on_exit(record.model, Exit(record.generation, code))

    async def _is_gone(self, engine: _Engine) -> bool:
        """Kill the remaining processes of an engine that has exited; return whether none is left."""
        record = engine.record
        try:
            async with asyncio.timeout(None if engine.is_stopping else KILL_SECONDS):
                await wait_until_empty(record.pid)
            await end_left_behind(record.model, mark(self._directory, record.generation))
        except TimeoutError:
            left_behind = f"it has ended, but the processes {_living(record.pid)} live on"
        except DriverError as error:
            left_behind = str(error)
        except OSError as error:  # out of descriptors for /proc
            left_behind = f"it has ended, but its remaining processes cannot be listed: {error.strerror}"
            await asyncio.sleep(_BLIND_SECONDS)
        else:
            return True
        if left_behind != engine.left_behind:
            _LOG.error("%s: %s", record.model, left_behind)
        engine.left_behind = left_behind
        return False

    async def _end_unrecorded(self) -> None:
        """Kill processes that an earlier orchestrator started but could not record, and what they left behind."""
        known = {mark(self._directory, engine.record.generation) for engine in self._engines.values()}
        found = {*list_marked(VARIABLE, mark(self._directory)).values()} - known
        for unknown in sorted(found):
            await end_left_behind("an engine that is not on record", unknown)

    def _marked(self, process: Process, generation: str) -> Process:
        """Return the process with a mark in its environment, by which it and its children can be found."""
        return replace(process, environment={**process.environment, VARIABLE: mark(self._directory, generation)})

    def _check_record(self) -> None:
        """Refuse a start if the engine could not be found after a crash, neither by a record nor by a mark."""
        if not FINDS_MARKED and not self._save():
            raise DriverError(f"it cannot be recorded: {self._fault}")

    def _save(self, *more: Record) -> bool:
        """Record the running processes. A failed write is logged once and retried."""
        try:
            write_records(self._state, [*(engine.record for engine in self._engines.values()), *more])
        except OSError as error:
            if self._fault is None:
                _LOG.warning(
                    "%s cannot be written (%s); engines keep running, and writing is retried", self._state, error
                )
            self._fault = f"{self._state} cannot be written ({error.strerror}): free some space or make it writable"
            return False
        if self._fault is not None:
            _LOG.info("%s can be written again", self._state)
        self._fault = None
        return True

    async def _keep_house(self) -> None:
        is_busy = False
        while True:
            await asyncio.sleep(_BUSY_TRIM_SECONDS if is_busy else _TRIM_SECONDS)
            is_busy = False
            if self._fault is not None:
                self._save()
            for model in list(self._engines):
                try:
                    is_busy |= self._log(model).has_outgrown
                    await self._log(model).trim_aside()
                except OSError as error:
                    _LOG.warning("the log of %s could not be trimmed: %s", model, error)

    def _log(self, model: str) -> EngineLog:
        if model not in self._logs:
            self._logs[model] = EngineLog(self._directory / "logs" / f"{model}.log", self._log_limit)
        return self._logs[model]


def _check_hub(model: Model) -> None:
    """Refuse a start if the engine reads the hub directory and it does not exist."""
    process = model.process
    hub = None if process is None else process.environment.get("HF_HUB_CACHE")
    if hub is not None and model.engine != "command" and not Path(hub).expanduser().is_dir():
        raise DriverError(f"there is no hub directory {hub}: run `modelgen fetch`, or mount it")


def _check_descriptors() -> None:
    """Refuse a start for which descriptors are short, before another engine is evicted for it."""
    opened: list[int] = []
    try:
        while len(opened) < _SPARE_DESCRIPTORS:
            opened.append(os.open(os.devnull, os.O_RDONLY))
    except OSError as error:
        raise DriverError(f"{error.strerror}: raise the limit of open files (`ulimit -n`)") from error
    finally:
        for descriptor in opened:
            os.close(descriptor)


def _endpoint(record: Record) -> Endpoint:
    return Endpoint("127.0.0.1", record.port, record.generation)


def _living(group: int) -> object:
    """Return the living processes of a group, or why they cannot be listed."""
    try:
        return list_group(group)
    except OSError as error:
        return error.strerror


async def _end_unknown(record: Record) -> None:
    """Stop an unwanted process on record, or what it left behind, but no other process with the same pid."""
    found = identify(record.pid)
    is_left_behind = found is None and is_of_this_boot(record.identity) and bool(list_group(record.pid))
    if found == record.identity or is_left_behind:
        await end_group(record.pid, record.grace, partial(wait_until_empty, record.pid))
        reap(record.pid)
