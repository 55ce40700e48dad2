"""Compose the orchestrator from its parts, run it, and shut it down."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import fcntl
import ipaddress
import logging
import os
from typing import TYPE_CHECKING

from modelgen_runtime.control_api.control import Control
from modelgen_runtime.control_api.events import Events
from modelgen_runtime.control_api.metrics import Metrics
from modelgen_runtime.control_api.usage_routes import UsageRoutes
from modelgen_runtime.engines.pool import Pool
from modelgen_runtime.gateway.access import Access, default_hosts
from modelgen_runtime.gateway.buffers import Buffers
from modelgen_runtime.gateway.descriptors import Descriptors, count_open, raise_limit
from modelgen_runtime.gateway.front import Front
from modelgen_runtime.gateway.keys import KeysError, idle_patterns, read_keys
from modelgen_runtime.gateway.origins import Origins
from modelgen_runtime.gateway.server import Connection
from modelgen_runtime.manifest import read_manifest
from modelgen_runtime.manifest_reader import ManifestError
from modelgen_runtime.serving import CannotServeError, serve
from modelgen_runtime.supervision.store import Store
from modelgen_runtime.supervision.switchboard import Switchboard
from modelgen_runtime.usage.captures import captures_of
from modelgen_runtime.usage.journal import Journal
from modelgen_runtime.usage.totals import Totals

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from modelgen_runtime.drivers.driver import Driver
    from modelgen_runtime.gpus.gauge import Gauge
    from modelgen_runtime.manifest import Manifest
    from modelgen_runtime.state.lifecycle import LifecycleEvent

_EACH = 8
"""Descriptors for each engine: its log, its exit, a probe, a socket of Docker."""
_SOCKET = "unix:///var/run/docker.sock"
_LOG = logging.getLogger(__name__)


async def run(manifest: Manifest, path: Path, state: Path, bind: str) -> None:
    """Serve until SIGTERM or SIGINT.

    Args:
        manifest: The manifest.
        path: Path of the manifest, for a reload.
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
    events = Events()
    journal = Journal(events.note_wait)
    journal.captures = captures_of(manifest.settings.capture)
    totals = Totals(state, journal)
    metrics = Metrics(journal)

    def report(event: LifecycleEvent) -> None:
        events.report(event)
        metrics.note(event)
        _log(event)

    gauge = _make_gauge(manifest)
    switchboard = Switchboard(manifest, driver, store, report, gauge=gauge)
    metrics.watch(switchboard.board, gauge)

    def reread() -> Manifest:
        """Read the manifest and the keys again. What a start refuses is refused here too, without a change."""
        new = read_manifest(path.read_bytes())
        if new.driver != manifest.driver:
            raise ManifestError(f"`driver` is {new.driver} now; end this orchestrator and start another for it")
        try:
            front.access = _make_access(new, path)
        except CannotServeError as error:
            raise ManifestError(str(error)) from error
        if new.settings.capture != switchboard.board.manifest.settings.capture:
            journal.captures = captures_of(new.settings.capture)
        return new

    listens = manifest.settings.listen if bind == manifest.settings.listen else None
    usage = UsageRoutes(journal, totals)

    def warnings() -> list[str]:
        idle = idle_patterns(front.access.keys, switchboard.names())
        unmeasured = [] if gauge is None else gauge.warnings()
        return [*switchboard.warnings(), *([totals.fault] if totals.fault else []), *unmeasured, *idle]

    control = Control(
        *(switchboard, driver, events, reread, metrics.render, usage), listens=listens, warnings=warnings, gauge=gauge
    )
    connections, pool = set[Connection](), Pool()
    front = Front(
        switchboard,
        access,
        control,
        pool,
        Buffers(manifest.settings.buffer_limit),
        Descriptors(raise_limit(), connections, pool.all, own=count_open() + _EACH * len(manifest.models)),
        journal,
    )
    with held:
        # Containers continue without the orchestrator, and the next one adopts them. Child processes stop with it.
        keeping = asyncio.create_task(totals.keep(), name="keep totals of usage")
        try:
            await serve(front, switchboard, connections, bind, stop_engines=manifest.driver == "process")
        finally:
            keeping.cancel()
            if gauge is not None:
                gauge.close()
            await totals.save()


def _make_gauge(manifest: Manifest) -> Gauge | None:
    if not manifest.settings.gpu_stats:
        return None
    from modelgen_runtime.gpus.gauge import Gauge  # most deployments measure nothing

    return Gauge(manifest.settings.gpu_stats)


def _make_driver(manifest: Manifest, path: Path, state: Path) -> Driver:
    """Return the driver of the manifest. The image has no `processes`, and other places have no aiodocker."""
    why = ""
    try:
        if manifest.driver == "process":
            from modelgen_runtime.drivers.processes.driver import ProcessDriver

            return ProcessDriver(state)
        if manifest.driver == "docker":
            from modelgen_runtime.drivers.containers.driver import ContainerDriver

            return ContainerDriver(os.environ.get("DOCKER_HOST", _SOCKET))
    except ModuleNotFoundError as error:
        why = f": {error}"
    raise CannotServeError(f"{path}: `driver`: this orchestrator has no driver {manifest.driver}{why}", 1)


def _hold(state: Path) -> contextlib.ExitStack:
    """Prevent a second orchestrator for the same engines. The system releases the locks when this process ends.

    The folder itself is locked, which a full disk allows as well, and the file that earlier releases lock.
    """
    with contextlib.ExitStack() as held:
        try:
            held.callback(os.close, folder := os.open(state, os.O_RDONLY))
            _lock(fcntl.flock, folder, state)
            try:
                file = held.enter_context((state / "lock").open("a", encoding="ascii"))
            except OSError as error:
                _LOG.warning("%s cannot be written (%s)", state / "lock", error.strerror)
            else:
                _lock(fcntl.lockf, file.fileno(), state / "lock")
                with contextlib.suppress(OSError):  # a full disk; the content is informational
                    os.ftruncate(file.fileno(), 0)
                    os.write(file.fileno(), f"{os.getpid()}\n".encode())
        except BlockingIOError as error:
            raise CannotServeError(f"another orchestrator uses {state}; stop it first, or reload it", 3) from error
        return held.pop_all()


def _lock(lock: Callable[[int, int], None], descriptor: int, path: Path) -> None:
    """Lock an open file, or continue without a lock if its file system has none, such as NFS or FUSE.

    Raises:
        BlockingIOError: Another process has locked it.
    """
    try:
        lock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise
    except OSError as error:
        if error.errno == errno.EACCES:  # CIFS, and POSIX for lockf
            raise BlockingIOError(error.errno, error.strerror) from error
        _LOG.warning("%s cannot be locked (%s)", path, error.strerror)


def _make_access(manifest: Manifest, path: Path) -> Access:
    """Return the access checks; an address beyond loopback without keys requires `insecure`.

    The check applies to `listen` in models.toml, since in a container the socket is bound to all addresses.
    """
    settings = manifest.settings
    host = settings.listen.rpartition(":")[0].strip("[]")
    if settings.keys_file is None and not settings.insecure and not _is_loopback(host):
        raise CannotServeError(
            f"`listen` is {settings.listen}, which other hosts can reach, and there are no keys; write `keys_file` in "
            "`[orchestrator]` (`modelgen key` makes one), or `insecure = true` to admit all clients",
            1,
        )
    try:
        keys = None if settings.keys_file is None else read_keys(path.parent / settings.keys_file)
    except KeysError as error:
        raise CannotServeError(str(error), 1) from error
    return Access(default_hosts(manifest), keys, Origins(settings.allowed_origins))


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _log(event: LifecycleEvent) -> None:
    about = f"{event.model}: " if event.model else ""
    seconds = f" after {event.seconds:.1f} s" if event.seconds is not None else ""
    detail = f" ({event.detail})" if event.detail else ""
    _LOG.info("%s%s%s%s", about, event.kind, seconds, detail)
