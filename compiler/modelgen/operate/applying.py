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
    """What is needed to apply a change.

    Args:
        deployment: Where.
        before: The orchestrator that may run now.
        after: The one that will.
        say: Told of each step that takes time.
    """

    deployment: Deployment
    before: Orchestrator
    after: Orchestrator
    say: Callable[[str], None]


def apply(
    task: Applying, changes: Changes, found: Mapping[str, Container], write: Callable[[], None], leases: Leases
) -> list[str]:
    """Apply a change, and return the models that ran before and that the orchestrator brings back.

    Args:
        task: See there.
        changes: What has to happen.
        found: The containers that exist, by service.
        write: Writes the build.
        leases: Keep models from running meanwhile; released however this ends.

    Raises:
        ModelgenError: It cannot be done; the next run completes it.
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
    """Models that an orchestrator knows, and those that are resident, as it lists them."""

    known: set[str]
    resident: list[str]


def _running(orchestrator: Orchestrator) -> _State | None:
    """Return what runs, or None where nobody answers: then nobody can be asked to drain."""
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
        leases.end()  # a hold ends with the orchestrator that knows it, and the new one is to start what ran
    for service in (SOCKET_PROXY, ORCHESTRATOR):
        if service in (*changes.new, *changes.changed) or not found[service].is_running:
            deployment.start(service)
    for container in changes.outdated:  # only now: the orchestrator that was replaced used it
        deployment.remove_network(
            OLD_SOCKET_PROXY, container.name
        )  # first: without the container, it would not be found
        deployment.remove([container.name])


def _await_health(task: Applying) -> None:
    end = time.monotonic() + _PATIENCE
    while True:
        try:
            task.after.ask("GET", "/healthz")
        except UnreachableError as error:
            if time.monotonic() > end:
                raise ModelgenError(
                    f"the orchestrator does not answer at {task.after.url}; `docker logs {task.deployment.project}-"
                    "orchestrator` says why"
                ) from error
            time.sleep(_PAUSE)
        else:
            return
