"""How `up` ends: what serves, what loads, how to ask it, and why a model does not serve."""

from __future__ import annotations

import contextlib
import json
from dataclasses import dataclass
from threading import Thread
from typing import TYPE_CHECKING, Any

import click

from modelgen.cli.exits import WORLD
from modelgen.files import ModelgenError

if TYPE_CHECKING:
    from pathlib import Path

    from modelgen.cli.interruption import Interruption
    from modelgen.operate.control import Orchestrator

_CHAT, _COMPLETIONS = "/v1/chat/completions", "/v1/completions"
_ASKED: dict[str, dict[str, Any]] = {
    _CHAT: {"messages": [{"role": "user", "content": "Hello"}]},
    _COMPLETIONS: {"prompt": "Hello"},
    "/v1/embeddings": {"input": "Hello"},
    "/v1/rerank": {"query": "Hello", "documents": ["Hello"]},
    "/rerank": {"query": "Hello", "texts": ["Hello"]},
    "/embed": {"inputs": "Hello"},
}
"""What can be asked of a model on the first of these routes that it has."""


@dataclass(frozen=True)
class Running:
    """An orchestrator that `up` has left running.

    Args:
        orchestrator: To be asked.
        returning: Models that ran before and that it brings back.
        made: Models whose containers were made anew.
    """

    orchestrator: Orchestrator
    returning: tuple[str, ...] = ()
    made: frozenset[str] = frozenset()


def finish(running: Running, config: Path, out: Path, interruption: Interruption, *, no_wait: bool) -> int:
    """Wait for the models that ought to serve, say what is there, and return the exit code."""
    from modelgen.cli.failure_lines import describe_failure
    from modelgen.cli.status import print_status
    from modelgen.cli.up_waiting import await_models

    interruption.consequence = "all changes are applied, and models continue to load; see `modelgen status`"
    orchestrator = running.orchestrator
    status = orchestrator.ask("GET", "/status")
    targets = _targets(status, running.returning)
    retried = _try_again(orchestrator, status, [name for name in targets if name in running.made], wait=not no_wait)
    if not no_wait:
        status = await_models(orchestrator, targets, lambda: any(switch.is_alive() for switch in retried))
    print_status(status)
    models = {model["id"]: model for model in status["models"]}
    _print_address(orchestrator, status, targets)
    failed = [models[name] for name in targets if not no_wait and models[name]["state"] == "failed"]
    for model in failed:
        # Without a failure it has failed before its container was recreated, and there was no room to try it again.
        known = model["failure"] is not None
        for line in describe_failure(model, config, out) if known else [f"{model['id']} was not started again"]:
            click.echo(f"modelgen: {line}", err=True)
    return WORLD if failed else 0


def _targets(status: dict[str, Any], returning: tuple[str, ...]) -> list[str]:
    """Return the models that ought to serve: of the default profile, and those that come back."""
    default = [name for profile in status["profiles"] if profile["default"] for name in profile["models"]]
    known = {model["id"] for model in status["models"]}
    return [name for name in dict.fromkeys([*default, *returning]) if name in known]


def _try_again(orchestrator: Orchestrator, status: dict[str, Any], models: list[str], *, wait: bool) -> list[Thread]:
    """Start models that failed before and have new containers now, unless that would evict others.

    Returns:
        The switches that are under way; what comes of them is in the status.
    """
    states = {model["id"]: model["state"] for model in status["models"]}
    switches = []
    for name in models:
        if (
            states[name] != "failed"
            or orchestrator.ask("POST", "/switch", {"model_id": name, "dry_run": True})["evict"]
        ):
            continue
        if wait:
            switches.append(Thread(target=_switch, args=(orchestrator, name), daemon=True))
            switches[-1].start()
        else:
            orchestrator.ask("POST", "/switch", {"model_id": name, "wait": False})
    return switches


def _switch(orchestrator: Orchestrator, model: str) -> None:
    with contextlib.suppress(ModelgenError):
        orchestrator.ask("POST", "/switch", {"model_id": model})


def _print_address(orchestrator: Orchestrator, status: dict[str, Any], targets: list[str]) -> None:
    click.echo(f"\nserving on {orchestrator.url}")
    models = sorted(status["models"], key=lambda model: (model["state"] != "ready", model["id"] not in targets))
    found = next(((model, route) for model in models for route in _ASKED if route in model["routes"]), None)
    if found is None:
        return
    model, route = found
    body = json.dumps({"model": model["id"], **_ASKED[route]})
    key = ' -H "Authorization: Bearer $MODELGEN_KEY"' if orchestrator.key else ""
    click.echo(f"  curl {orchestrator.url}{route}{key} \\\n    -H 'Content-Type: application/json' \\\n    -d '{body}'")
