"""The orchestrator as a whole: its parts, put together and taken apart."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import fcntl
import ipaddress
import logging
import os
import signal
from typing import TYPE_CHECKING

from modelgen_runtime.access import Access, KeysError, default_hosts, read_keys
from modelgen_runtime.control import Control
from modelgen_runtime.driver import DriverError
from modelgen_runtime.events import Events
from modelgen_runtime.front import Front
from modelgen_runtime.manifest import ManifestError, read_manifest
from modelgen_runtime.metrics import Metrics
from modelgen_runtime.pool import Pool
from modelgen_runtime.processes.driver import ProcessDriver
from modelgen_runtime.server import Connection, sweep
from modelgen_runtime.store import Store
from modelgen_runtime.switchboard import Switchboard

if TYPE_CHECKING:
    from pathlib import Path

    from modelgen_runtime.driver import Driver
    from modelgen_runtime.happenings import Happening
    from modelgen_runtime.manifest import Manifest

_BACKLOG = 1024
_SOCKET = "unix:///var/run/docker.sock"
_TAKEN = (errno.EADDRINUSE, errno.EACCES)
_LOG = logging.getLogger(__name__)


class CannotServeError(Exception):
    """The orchestrator cannot serve; the message is one sentence that says what to do.

    Args:
        message: It.
        exit_code: 1 for what the user mends in the files, 3 for the world.
    """

    def __init__(self, message: str, exit_code: int) -> None:
        super().__init__(message)
        self.exit_code = exit_code


async def run(manifest: Manifest, path: Path, state: Path, bind: str) -> None:
    """Serve until SIGTERM or SIGINT.

    Args:
        manifest: As read.
        path: Where it was read, for a reload.
        state: Folder for state and logs.
        bind: Address of the socket, `host:port`.

    Raises:
        CannotServeError: It cannot begin.
    """
    access = _make_access(manifest, path)
    try:
        store, driver = Store(state), _make_driver(manifest, path, state)
        held = _hold(state)
    except OSError as error:
        raise CannotServeError(f"cannot write to {state}: {error.strerror}; make it writable", 3) from error
    events, metrics = Events(), Metrics()

    def report(happening: Happening) -> None:
        events.report(happening)
        metrics.note(happening)
        _log(happening)

    switchboard = Switchboard(manifest, driver, store, report)
    metrics.watch(switchboard.board)

    def reread() -> Manifest:
        """Read the manifest and the keys again; what is refused at a start is refused now, and all stays as it is."""
        new = read_manifest(path.read_bytes())
        if new.driver != manifest.driver:
            raise ManifestError(f"`driver` is {new.driver} now; end this orchestrator and start another for it")
        try:
            front.access = _make_access(new, path)
        except CannotServeError as error:
            raise ManifestError(str(error)) from error
        return new

    listens = manifest.settings.listen if bind == manifest.settings.listen else None
    control = Control(switchboard, driver, events, reread, metrics.render, listens=listens)
    front = Front(
        switchboard,
        access,
        control.handle,
        Pool(),
        note_wait=metrics.note_wait,
        note_request=metrics.note_request,
    )
    with held:
        # Containers go on without their orchestrator, and the next one takes them over; children end with their parent.
        await _serve(front, switchboard, bind, stop_engines=manifest.driver == "process")


def _make_driver(manifest: Manifest, path: Path, state: Path) -> Driver:
    if manifest.driver == "process":
        return ProcessDriver(state)
    if manifest.driver == "docker":
        from modelgen_runtime.containers.driver import ContainerDriver  # of an image that has aiodocker

        return ContainerDriver(os.environ.get("DOCKER_HOST", _SOCKET))
    raise CannotServeError(f"{path}: `driver`: this orchestrator has no driver {manifest.driver}", 1)


def _hold(state: Path) -> contextlib.ExitStack:
    """Keep a second orchestrator from the same engines; the system lets go of the locks however this one ends.

    The folder itself is locked, which a disk that takes nothing allows as well, and the file that earlier releases lock.
    """
    with contextlib.ExitStack() as held:
        try:
            held.callback(os.close, folder := os.open(state, os.O_RDONLY))
            fcntl.flock(folder, fcntl.LOCK_EX | fcntl.LOCK_NB)
            try:
                file = held.enter_context((state / "lock").open("a", encoding="ascii"))
            except OSError as error:
                _LOG.warning("%s cannot be written (%s)", state / "lock", error.strerror)
            else:
                fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise CannotServeError(f"another orchestrator runs over {state}; end it first, or reload it", 3) from error
        return held.pop_all()


async def _serve(front: Front, switchboard: Switchboard, bind: str, *, stop_engines: bool) -> None:
    loop, stopping = asyncio.get_running_loop(), asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopping.set)
    connections: set[Connection] = set()
    host, _, port = bind.rpartition(":")
    try:
        server = await loop.create_server(
            lambda: Connection(front, connections), host.strip("[]") or None, int(port), backlog=_BACKLOG
        )
    except OSError as error:
        reason = "is taken" if error.errno in _TAKEN else f"cannot be used ({error.strerror or error})"
        raise CannotServeError(
            f"the address {bind} {reason}; end what listens there, or write another `listen` in `[orchestrator]`", 3
        ) from error
    works = (switchboard.run(), switchboard.watch(), sweep(connections, front))
    tasks = [asyncio.create_task(work) for work in works]
    waiting = asyncio.create_task(stopping.wait())
    print(f"modelgen: serving on http://{bind}", flush=True)  # noqa: T201 - who started it waits for this
    try:
        await asyncio.wait([*tasks, waiting], return_when=asyncio.FIRST_COMPLETED)
    finally:
        server.close()
        for task in (*tasks, waiting):
            task.cancel()
        results = await asyncio.gather(*tasks, return_exceptions=True)
        for connection in [*connections]:
            connection.abort()
        front.pool.close()
        _LOG.info("stopping all engines" if stop_engines else "ending; the engines go on")
        await switchboard.close(stop_engines=stop_engines)
        for result in results:
            if isinstance(result, DriverError):
                raise CannotServeError(str(result), 3) from result
            if isinstance(result, Exception):
                raise result


def _make_access(manifest: Manifest, path: Path) -> Access:
    """Return who may come in; an open door to the network has to be asked for.

    `listen` is judged as models.toml has it: in a container the socket is on all addresses, whatever is published.
    """
    settings = manifest.settings
    host = settings.listen.rpartition(":")[0].strip("[]")
    if settings.keys_file is None and not settings.insecure and not _is_loopback(host):
        raise CannotServeError(
            f"`listen` is {settings.listen}, so that others can reach it, and there are no keys; write `keys_file` in "
            "`[orchestrator]` (`modelgen key` makes one), or `insecure = true` if everybody may come in",
            1,
        )
    try:
        keys = None if settings.keys_file is None else read_keys(path.parent / settings.keys_file)
    except KeysError as error:
        raise CannotServeError(str(error), 1) from error
    return Access(default_hosts(manifest), keys)


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _log(happening: Happening) -> None:
    about = f"{happening.model}: " if happening.model else ""
    seconds = f" after {happening.seconds:.1f} s" if happening.seconds is not None else ""
    detail = f" ({happening.detail})" if happening.detail else ""
    _LOG.info("%s%s%s%s", about, happening.kind, seconds, detail)
