"""Make a deployment what was built, without a request being lost: only what has changed is drained and made anew."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING

from modelgen.files import ModelgenError
from modelgen.operate.changes import GATE, ORCHESTRATOR, Changes
from modelgen.operate.control import UnreachableError, quoted

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from modelgen.operate.control import Orchestrator
    from modelgen.operate.deployment import Container, Deployment
    from modelgen.operate.journal import Journal

_PATIENCE = 60.0
_PAUSE = 0.05
_AT_ONCE = 8


@dataclass(frozen=True)
class Applying:
    """What is needed to apply a change.

    Args:
        deployment: Where.
        before: The orchestrator that may run now.
        after: The one that will.
        journal: What a run that was killed left to be done.
        say: Told of each step that takes time.
    """

    deployment: Deployment
    before: Orchestrator
    after: Orchestrator
    journal: Journal
    say: Callable[[str], None]


def apply(
    task: Applying,
    changes: Changes,
    found: Mapping[str, Container],
    models: Mapping[str, str],
    write: Callable[[], None],
) -> None:
    """Apply a change.

    Args:
        task: See there.
        changes: What has to happen.
        found: The containers that exist, by service.
        models: Id of the model of each service that is to be there.
        write: Writes the build.

    Raises:
        ModelgenError: It cannot be done; the next run completes it.
    """
    is_up = ORCHESTRATOR in found and found[ORCHESTRATOR].is_running
    is_replaced = ORCHESTRATOR in changes.changed
    running = _running(task.before) if is_up else None
    if running is not None:
        touched = {found[name].model for name in changes.changed} | {one.model for one in changes.removed}
        held = sorted((running.known if is_replaced else running.known & touched) - {""})
        if held:
            # On record before anybody is held: whoever ends here leaves nobody held for ever.
            ours = [name for name in held if name not in running.held]  # what an operator holds stays held
            task.journal.add(ours, [name for name in running.resident if name in held])
            _hold(task, held)
    write()
    _make(task, changes, found)
    _await_health(task)
    if running is not None and not is_replaced:
        task.after.ask("POST", "/reload", {})
    _release(task, set(models.values()))


@dataclass(frozen=True)
class _State:
    """Models that an orchestrator knows, those that are resident, and those that are held, as it lists them."""

    known: set[str]
    resident: list[str]
    held: set[str]


def _running(orchestrator: Orchestrator) -> _State | None:
    """Return what runs, or None where nobody answers: then nobody can be asked to drain."""
    try:
        status = orchestrator.ask("GET", "/status")
    except UnreachableError:
        return None
    models = status["models"]
    resident = [model["id"] for model in models if model["state"] in ("ready", "starting", "draining")]
    return _State({model["id"] for model in models}, resident, {model["id"] for model in models if model["held"]})


def _hold(task: Applying, models: Iterable[str]) -> None:
    """Drain and stop models, beside each other; their requests wait meanwhile."""
    names = [*models]
    task.say(f"draining {', '.join(names)}")
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        asked = [pool.submit(task.before.ask, "POST", f"/models/{quoted(name)}/hold") for name in names]
        for answer in asked:
            answer.result()


def _make(task: Applying, changes: Changes, found: Mapping[str, Container]) -> None:
    deployment = task.deployment
    if changes.removed:
        deployment.remove(container.name for container in changes.removed)
    if changes.made:
        task.say(f"creating {', '.join(changes.made)}")
        deployment.create(changes.made)
    for service in (GATE, ORCHESTRATOR):
        if service in (*changes.new, *changes.changed) or not found[service].is_running:
            deployment.start(service)


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


def _release(task: Applying, known: set[str]) -> None:
    """Let everybody go that this run, or one before it, has held, and have those back that ran."""
    journal = task.journal.read()
    for model in journal.held:
        if model in known:
            task.after.ask("POST", f"/models/{quoted(model)}/release")
    for model in journal.running:
        if model in known:
            task.after.ask("POST", "/switch", {"model_id": model, "wait": False})
    task.journal.clear()
