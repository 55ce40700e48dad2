"""Engines as local child processes, each in a group of its own.

They live on when the orchestrator is killed: the next one finds them by what is written down here, and knows them by
the time of their start, since the number of a process is soon somebody else's.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import json
import os
import re
import signal
import socket
import subprocess
import uuid
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

from modelgen_runtime import processes
from modelgen_runtime.driver import DriverError, Endpoint, Exit
from modelgen_runtime.engine_logs import EngineLogs

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable
    from pathlib import Path

    from modelgen_runtime.manifest import Model

_HOST = "127.0.0.1"
_SECRET = re.compile(r"KEY|TOKEN|SECRET|PASSWORD", re.IGNORECASE)
# Of the orchestrator alone: an engine could switch models with it.
_NOT_FOR_ENGINES = ("MODELGEN_KEY",)
_CUT_EVERY = 10.0


@dataclass(frozen=True, slots=True)
class _Running:
    """An engine: its process and group, when that began, and what it was started with."""

    pid: int
    birth: str
    port: int
    generation: str
    recipe: str
    log_from: int

    @property
    def endpoint(self) -> Endpoint:
        return Endpoint(_HOST, self.port, self.generation)


class ProcessDriver:
    """Runs engines on this machine; see `driver.Driver` for what its methods promise.

    Args:
        state: Folder for what is written down and for logs; made if it is not there.
    """

    def __init__(self, state: Path) -> None:
        self._path = state / "processes.json"
        self._logs = EngineLogs(state / "logs")
        self._running: dict[str, _Running] = {}
        self._log_from: dict[str, int] = {}
        self._children: dict[str, subprocess.Popen[bytes]] = {}
        self._watches: dict[str, asyncio.Task[None]] = {}
        self._ended: dict[str, asyncio.Event] = {}
        self._on_exit: Callable[[str, Exit], None] = lambda _, __: None
        self._cutting: asyncio.Task[None] | None = None

    async def adopt(self, models: list[Model], on_exit: Callable[[str, Exit], None]) -> dict[str, Endpoint]:
        """Take over the engines that run already, and end those that are no listed model's as it is now."""
        self._on_exit = on_exit
        self._cutting = asyncio.create_task(self._cut_logs())
        known = {model.id: model for model in models}
        for id_, found in self._load().items():
            is_ours = processes.birth(found.pid) == found.birth
            model = known.get(id_)
            if is_ours and model is not None and _recipe(model) == found.recipe:
                self._running[id_] = found
                self._hide_secrets(model)
                self._watch(id_, found)
            elif is_ours or _is_orphaned(found):
                await _end(found.pid, model.stop_grace if model else 0.0)
        self._save()
        return {id_: running.endpoint for id_, running in self._running.items()}

    async def start(self, model: Model) -> Endpoint:
        """Start an engine, and return once it runs."""
        if model.process is None:
            raise DriverError(f"{model.id} has no `process` in the manifest")
        port, filled = _free_port(), model.process
        arguments = [_fill(item, port) for item in filled.arguments]
        own = {name: value for name, value in os.environ.items() if name not in _NOT_FOR_ENGINES}
        written = {name: _fill(value, port) for name, value in filled.environment.items()}
        self._hide_secrets(model)
        log_from = self._logs.size(model.id)
        try:
            with self._logs.open(model.id) as log:
                child = subprocess.Popen(  # noqa: ASYNC220 - waiting for exec takes a millisecond; its caller wrote it
                    arguments,
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=subprocess.STDOUT,
                    cwd=filled.directory,
                    env=own | written,
                    start_new_session=True,
                )
        except OSError as error:
            raise DriverError(_why_not(arguments[0], filled.directory, error)) from error
        birth = processes.birth(child.pid) or ""
        running = _Running(child.pid, birth, port, uuid.uuid4().hex, _recipe(model), log_from)
        self._children[model.id], self._running[model.id] = child, running
        self._save()
        self._watch(model.id, running)
        return running.endpoint

    async def stop(self, model: Model) -> None:
        """Stop an engine, and return once nothing of it is left."""
        running = self._running.get(model.id)
        if running is not None:
            ended = self._ended[model.id]
            processes.send(running.pid, signal.SIGTERM)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(model.stop_grace):
                    await ended.wait()
            processes.send(running.pid, signal.SIGKILL)
            await ended.wait()

    def tail(self, model: str, count: int) -> list[str]:
        """Return the last lines that an engine printed, the oldest first."""
        return self._logs.tail(model, count)

    def last_words(self, model: str, count: int) -> list[str]:
        """Return the last lines of the last start alone."""
        return self._logs.tail(model, count, self._log_from.get(model, 0))

    def follow(self, model: str) -> AsyncIterator[str]:
        """Yield the lines that an engine prints from now on."""
        return self._logs.follow(model)

    async def close(self) -> None:
        """Let go of everything; running engines go on."""
        tasks = [task for task in (*self._watches.values(), self._cutting) if task is not None]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        for child in self._children.values():
            child.returncode = child.returncode or 0  # it goes on on purpose: Popen would warn of it

    def _watch(self, id_: str, running: _Running) -> None:
        self._ended[id_], self._log_from[id_] = asyncio.Event(), running.log_from
        self._watches[id_] = asyncio.create_task(self._see_end(id_, running), name=f"watch {id_}")

    async def _see_end(self, id_: str, running: _Running) -> None:
        """Wait for an engine's end, and clear away what it leaves behind.

        Its group is killed before the dead leader is collected: until then nobody else can have the number.
        """
        await processes.wait_for_exit(running.pid)
        processes.send(running.pid, signal.SIGKILL)
        child = self._children.pop(id_, None)
        code = child.wait() if child is not None else None
        await processes.wait_until_gone(running.pid)
        if self._running.get(id_) is running:
            del self._running[id_]
            self._save()
        self._on_exit(id_, Exit(running.generation, code))
        self._ended[id_].set()

    def _hide_secrets(self, model: Model) -> None:
        environment = model.process.environment if model.process else {}
        self._logs.hide(model.id, [value for name, value in environment.items() if _SECRET.search(name)])

    async def _cut_logs(self) -> None:
        while True:
            self._logs.cut()
            await asyncio.sleep(_CUT_EVERY)

    def _load(self) -> dict[str, _Running]:
        """Return what the last orchestrator wrote down; what cannot be read is nothing that could be adopted."""
        try:
            stored = json.loads(self._path.read_bytes())
            return {id_: _Running(**fields) for id_, fields in stored.items()}
        except (OSError, ValueError, TypeError, AttributeError, RecursionError):
            return {}

    def _save(self) -> None:
        new = self._path.with_suffix(".new")
        new.write_text(json.dumps({id_: asdict(one) for id_, one in self._running.items()}) + "\n", encoding="utf-8")
        new.replace(self._path)


def _fill(text: str, port: int) -> str:
    """Return an argument or a variable as the engine gets it; a leading `~/` is the home of whoever serves."""
    text = text.replace("{port}", str(port))
    return os.path.expanduser(text) if text.startswith("~/") else text  # noqa: PTH111 - a text, not yet a path


def _recipe(model: Model) -> str:
    """Return what tells one way of starting from another."""
    process = model.process
    told = [process.arguments, sorted(process.environment.items()), process.directory] if process else []
    return hashlib.sha256(json.dumps(told).encode()).hexdigest()


def _is_orphaned(found: _Running) -> bool:
    """Tell whether a leader is gone and its group is not; while that lives, its number is nobody else's."""
    is_gone = processes.birth(found.pid) is None
    return is_gone and found.birth.startswith(processes.boot()) and processes.has_members(found.pid)


async def _end(group: int, grace: float) -> None:
    processes.send(group, signal.SIGTERM)
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(grace):
            await processes.wait_until_gone(group)
    processes.send(group, signal.SIGKILL)
    await processes.wait_until_gone(group)


def _free_port() -> int:
    """Return a port that nobody has; an engine that finds it taken all the same says so and is started again."""
    with socket.socket() as probe:
        probe.bind((_HOST, 0))
        port: int = probe.getsockname()[1]
        return port


def _why_not(program: str, directory: str | None, error: OSError) -> str:
    if directory is not None and error.filename == directory:
        return f"cannot be started in {directory}: {(error.strerror or str(error)).lower()}"
    if isinstance(error, FileNotFoundError):
        return f"cannot be started: there is no program `{program}`; install it, or write its whole path in models.toml"
    return f"cannot be started: `{program}`: {(error.strerror or str(error)).lower()}"
