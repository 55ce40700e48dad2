"""Apply a build to a deployment without losing a request: drain and recreate only what changed."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from modelgen.files import ModelgenError
from modelgen.operate.changes import OLD_SOCKET_PROXY, ORCHESTRATOR, SOCKET_PROXY, Changes
from modelgen.operate.control import UnreachableError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from modelgen.operate.control import Orchestrator
    from modelgen.operate.deployment import Container, Deployment
    from modelgen.operate.leases import Leases

_PATIENCE = 60.0
_PAUSE = 0.05


@dataclass(frozen=True)
class Applying:
    """The settings of one change.

    Args:
        deployment: The deployment to change.
        before: The client of the orchestrator that may run now.
        after: The client of the orchestrator that will run.
        say: Called with a message before each step that takes time.
    """

    deployment: Deployment
    before: Orchestrator
    after: Orchestrator
    say: Callable[[str], None]


def apply(
    task: Applying, changes: Changes, found: Mapping[str, Container], write: Callable[[], None], leases: Leases
) -> list[str]:
    """Apply a change, and return the models that ran before and that the orchestrator starts again.

    Args:
        task: The settings.
        changes: The changes.
        found: The containers that exist, by service.
        write: Writes the build.
        leases: Hold the models meanwhile; they are released however this ends.

    Raises:
        ModelgenError: A step failed; the next run completes the change.
    """
    is_up = ORCHESTRATOR in found and found[ORCHESTRATOR].is_running
    is_replaced = ORCHESTRATOR in changes.changed
    running = _running(task.before) if is_up else None
    held: set[str] = set()
    with leases:
        if running is not None:
            touched = {found[name].model for name in changes.changed} | {one.model for one in changes.removed}
            held = (running.known if is_replaced else running.known & touched) - {""}
        if held:
            task.say(f"draining {', '.join(sorted(held))}")
            leases.hold(sorted(held))
        write()
        _make(task, changes, found, leases)
        _await_health(task)
        if running is not None and not is_replaced:
            task.after.ask("POST", "/reload", {})
    removed = {one.model for one in changes.removed}
    return [model for model in running.resident if model in held - removed] if running is not None else []


@dataclass(frozen=True)
class _State:
    """The models of a running orchestrator, and those that are resident, in its order."""

    known: set[str]
    resident: list[str]


def _running(orchestrator: Orchestrator) -> _State | None:
    """Return the state of the orchestrator, or None if none answers; then nothing can be drained."""
    try:
        models = orchestrator.ask("GET", "/status")["models"]
    except UnreachableError:
        return None
    resident = [model["id"] for model in models if model["state"] in ("ready", "starting", "draining")]
    return _State({model["id"] for model in models}, resident)


def _make(task: Applying, changes: Changes, found: Mapping[str, Container], leases: Leases) -> None:
    deployment = task.deployment
    if changes.removed:
        deployment.remove(container.name for container in changes.removed)
    if changes.made:
        task.say(f"creating {', '.join(changes.made)}")
        deployment.create(changes.made, is_forced=changes.is_take_over)
    if ORCHESTRATOR in changes.changed:
        leases.end()  # a hold ends with its orchestrator, and the new one starts the models that ran
    for service in (SOCKET_PROXY, ORCHESTRATOR):
        if service in (*changes.new, *changes.changed) or not found[service].is_running:
            deployment.start(service)
    for container in changes.outdated:  # only now, since the replaced orchestrator used it
        deployment.remove_network(OLD_SOCKET_PROXY, container.name)  # first, since it is found by its container
        deployment.remove([container.name])


def _await_health(task: Applying) -> None:
    end = time.monotonic() + _PATIENCE
    while True:
        try:
            task.after.ask("GET", "/healthz")
        except UnreachableError as error:
            if time.monotonic() > end:
                raise ModelgenError(
                    f"the orchestrator does not answer at {task.after.url}; run `docker logs {task.deployment.project}-"
                    "orchestrator` to see why"
                ) from error
            time.sleep(_PAUSE)
        else:
            return
