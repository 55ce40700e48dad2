"""The driver that runs engines in containers that Compose created."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from modelgen_runtime.drivers.containers.docker_engine import DockerEngine, Found, UnreachableError
from modelgen_runtime.drivers.containers.logs import KEPT, ContainerLog
from modelgen_runtime.drivers.driver import AbsentError, DriverError, Endpoint, Exit, Seen
from modelgen_runtime.failures.log_lines import secret_values

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterable

    from modelgen_runtime.manifest import Container, Model

_PAUSE = 0.5
"""Seconds between attempts to reach a Docker Engine that does not answer."""
_LAST_WORDS = 2.0
"""Seconds to wait for the rest of the log after an engine has exited."""
_SETTLE = 10.0
"""Seconds in which the exit of a stopped container has to be reported."""
_AT_ONCE = 16
_LINES_AT_ONCE = 100
"""Lines of a log that are read before other tasks run."""
_LOG = logging.getLogger(__name__)


@dataclass(eq=False, slots=True)
class _Engine:
    """A running container, and the tasks that wait for its exit."""

    model: str
    name: str
    endpoint: Endpoint
    gone: asyncio.Event = field(default_factory=asyncio.Event)
    watch: asyncio.Task[None] | None = None
    reading: asyncio.Task[None] | None = None


class ContainerDriver:
    """Starts and stops containers by name. It neither creates nor removes them.

    Args:
        address: The address of the Docker Engine or the socket proxy: `tcp://host:port` or `unix:///path`.
    """

    def __init__(self, address: str) -> None:
        self._address = address
        self._docker: DockerEngine | None = None
        self._engines: dict[str, _Engine] = {}
        self._logs: dict[str, ContainerLog] = {}
        self._ids: dict[str, str] = {}
        self._on_exit: Callable[[str, Exit], None] = lambda _model, _exit: None

    async def adopt(self, models: list[Model], on_exit: Callable[[str, Exit], None]) -> dict[str, Endpoint]:
        """Begin: adopt running containers. Wait for a Docker Engine that does not answer."""
        self._docker, self._on_exit = DockerEngine(self._address), on_exit
        bound = asyncio.Semaphore(_AT_ONCE)

        async def look(model: Model) -> None:
            async with bound:
                await self._look(model, _container(model))

        await asyncio.gather(*map(look, models))
        return {id_: engine.endpoint for id_, engine in self._engines.items()}

    async def look(self, models: Iterable[Model]) -> Seen:
        """Return the models without a container, and those whose container was not started by this driver."""
        missing, unexpected = set(), set()
        for model in models:
            try:
                found = await self._engine_api.find(_container(model).name)
                self._ids[model.id] = found.id
            except AbsentError:
                missing.add(model.id)
            except DriverError as error:
                _LOG.warning("%s: %s", model.id, error)
                break
            else:
                if found.is_running and model.id not in self._engines:
                    unexpected.add(model.id)
        return Seen(frozenset(missing), frozenset(unexpected))

    async def check(self, model: Model) -> None:
        """Check whether a container can be started.

        Raises:
            AbsentError: There is none.
            DriverError: Docker does not answer, or will not start it as it stands.
        """
        container = _container(model)
        try:
            found = await self._engine_api.find(container.name)
        except AbsentError as error:
            raise AbsentError("has no container; run `modelgen up`") from error
        if found.hindrance is not None:
            raise DriverError(f"cannot be started: its container `{container.name}` {found.hindrance}")

    def containers(self) -> dict[str, str]:
        """Return the container ids of all models, as last seen."""
        return dict(self._ids)

    async def start(self, model: Model) -> Endpoint:
        """Start a container, and return once it runs.

        Raises:
            AbsentError: There is none.
            DriverError: It cannot be started.
        """
        container = _container(model)
        try:
            await self._engine_api.start(container.name)
            found = await self._engine_api.find(container.name)
            self._ids[model.id] = found.id
        except AbsentError as error:
            # A missing network or device has the same status.
            await self._check_present(container, error)
            raise DriverError(f"cannot be started: {error}") from error
        except DriverError as error:
            raise DriverError(f"cannot be started: {error}") from error
        before = self._engines.get(model.id)
        if before is not None and before.endpoint.generation != found.generation:
            await self._await_end(before)
        if before is None or before.gone.is_set():
            log = self._log(model.id)
            log.hide(secret_values(found.environment))
            log.begin(found.generation, found.started)
            self._take(model, container, found)
        return self._engines[model.id].endpoint

    async def stop(self, model: Model) -> None:
        """Stop a container if it runs, and return once its exit was reported.

        Raises:
            DriverError: It cannot be stopped.
        """
        with contextlib.suppress(AbsentError):  # then it does not run
            await self._engine_api.stop(_container(model).name, model.stop_grace)
        if (engine := self._engines.get(model.id)) is not None:
            await self._await_end(engine)

    def warnings(self) -> list[str]:
        """Return none: nothing is kept on disk."""
        return []

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
        """Release all resources. Running containers continue."""
        tasks = [task for engine in self._engines.values() for task in (engine.watch, engine.reading) if task]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        self._engines.clear()
        if self._docker is not None:
            await self._docker.close()

    # -- running containers -------------------------------------------------------------------------------------------

    @property
    def _engine_api(self) -> DockerEngine:
        assert self._docker is not None, "it has begun"  # noqa: S101 - an invariant
        return self._docker

    async def _look(self, model: Model, container: Container) -> None:
        """Adopt a running container, and read its earlier output."""
        try:
            found = await self._answer(container.name)
        except AbsentError:
            return
        log = self._log(model.id)
        log.hide(secret_values(found.environment))
        log.begin(found.generation, found.started)
        with contextlib.suppress(DriverError):  # an unreadable logging driver, which is reported when it is followed
            async for time, text in self._engine_api.read_log(container.name, tail=str(KEPT)):
                log.take(time, text)
        if found.is_running:
            self._take(model, container, found)

    async def _answer(self, name: str) -> Found:
        """Return the state of a container, as soon as Docker answers. Raises as `DockerEngine.find` does."""
        while True:
            try:
                return await self._engine_api.find(name)
            except UnreachableError as error:
                _LOG.warning("%s: %s", name, error)
                await asyncio.sleep(_PAUSE)

    async def _check_present(self, container: Container, error: AbsentError) -> None:
        """Raise `error` if there is no container of that name."""
        try:
            await self._engine_api.find(container.name)
        except AbsentError:
            raise AbsentError("has no container; run `modelgen up`") from error

    def _take(self, model: Model, container: Container, found: Found) -> None:
        endpoint = Endpoint(container.host, container.port, found.generation)
        engine = self._engines[model.id] = _Engine(model.id, container.name, endpoint)
        engine.reading = asyncio.create_task(self._read(engine, found.started), name=f"read {model.id}")
        engine.watch = asyncio.create_task(self._watch(engine), name=f"watch {model.id}")

    async def _watch(self, engine: _Engine) -> None:
        """Wait for the exit of a container across reconnections, and report it."""
        code = await self._await_exit(engine)
        if engine.reading is not None:
            done, _ = await asyncio.wait([engine.reading], timeout=_LAST_WORDS)
            engine.reading.cancel()
            if not done:
                await self._skip_to_the_end(engine)
        del self._engines[engine.model]
        engine.gone.set()
        self._on_exit(engine.model, Exit(engine.endpoint.generation, code, hit_limit=await self._hit_limit(engine)))

    async def _hit_limit(self, engine: _Engine) -> bool | None:
        """Return whether a container has reached its memory limit, or None if Docker no longer knows."""
        with contextlib.suppress(DriverError):
            found = await self._engine_api.find(engine.name)
            if found.generation == engine.endpoint.generation:
                return found.hit_limit
        return None

    async def _await_exit(self, engine: _Engine) -> int | None:
        """Return the exit code of the engine's run, or None if Docker no longer knows it."""
        while True:
            try:
                return await self._engine_api.wait(engine.name)
            except AbsentError:
                return None
            except DriverError:  # closed by the socket proxy, or Docker is down: the state of the container decides
                try:
                    found = await self._answer(engine.name)
                except DriverError:
                    return None
            if found.generation != engine.endpoint.generation:
                return None
            if not found.is_running:
                return found.exit_code
            await asyncio.sleep(_PAUSE)

    async def _read(self, engine: _Engine, started: str) -> None:
        """Read the output of a container until it exits, across reconnections."""
        log = self._log(engine.model)
        while not engine.gone.is_set():
            after = log.last
            try:
                query = {"follow": "1", "since": _since(after or started)}
                turn = 0
                async for time, text in self._engine_api.read_log(engine.name, **query):
                    if time > after:
                        log.take(time, text)
                    if (turn := turn + 1) % _LINES_AT_ONCE == 0:
                        await asyncio.sleep(0)  # available data would be read without a pause
                found = await self._engine_api.find(engine.name)
            except UnreachableError:
                pass
            except DriverError as error:
                _LOG.warning("the log of %s cannot be read: %s", engine.model, error)
                return
            else:
                if not found.is_running or found.generation != engine.endpoint.generation:
                    return
            await asyncio.sleep(_PAUSE)

    async def _skip_to_the_end(self, engine: _Engine) -> None:
        """Read the last lines of a container that printed faster than it was read, since they explain its exit."""
        log, after = self._log(engine.model), self._log(engine.model).last
        with contextlib.suppress(DriverError, TimeoutError):
            async with asyncio.timeout(_LAST_WORDS):
                async for time, text in self._engine_api.read_log(engine.name, tail=str(KEPT)):
                    if time > after:
                        log.take(time, text)

    async def _await_end(self, engine: _Engine) -> None:
        try:
            async with asyncio.timeout(_SETTLE):
                await engine.gone.wait()
        except TimeoutError as error:
            raise DriverError(f"Docker does not tell how `{engine.name}` ended") from error

    def _log(self, model: str) -> ContainerLog:
        if model not in self._logs:
            self._logs[model] = ContainerLog()
        return self._logs[model]


def _container(model: Model) -> Container:
    if model.container is None:
        raise DriverError("has no `container` in the manifest")
    return model.container


def _since(time: str) -> str:
    """Return a time in the API's format: seconds since 1970 and nanoseconds."""
    second, _, fraction = time.removesuffix("Z").partition(".")
    moment = datetime.fromisoformat(second).replace(tzinfo=UTC)
    return f"{int(moment.timestamp())}.{fraction.ljust(9, '0')}"
