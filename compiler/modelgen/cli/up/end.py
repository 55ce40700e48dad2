"""Print the end of `up`: which models serve or load, how to send a request, and why a model failed."""

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
"""Example requests by route; the first route that a model has is used."""


@dataclass(frozen=True)
class Running:
    """An orchestrator that `up` has left running.

    Args:
        orchestrator: The client of its API.
        returning: Models that ran before and that it starts again.
        made: Models whose containers were recreated.
        is_new: Whether this run started the orchestrator, so that every failure belongs to this run.
    """

    orchestrator: Orchestrator
    returning: tuple[str, ...] = ()
    made: frozenset[str] = frozenset()
    is_new: bool = False


def finish(running: Running, config: Path, out: Path, interruption: Interruption, *, no_wait: bool) -> int:
    """Wait for the models that should serve, print their state, and return the exit code."""
    from modelgen.cli.control.failure_lines import describe_failure
    from modelgen.cli.control.status import print_status
    from modelgen.cli.up.waiting import await_models, await_resumed

    interruption.consequence = "all changes are applied, and models continue to load; see `modelgen status`"
    orchestrator = running.orchestrator
    status = orchestrator.ask("GET", "/status") if no_wait else await_resumed(orchestrator)
    targets = _targets(status, running)
    retried = _try_again(orchestrator, status, [name for name in targets if name in running.made], wait=not no_wait)
    if not no_wait:
        status = await_models(orchestrator, targets, lambda: any(switch.is_alive() for switch in retried))
    print_status(status)
    models = {model["id"]: model for model in status["models"]}
    _print_address(orchestrator, status, targets)
    failed = [models[name] for name in targets if not no_wait and models[name]["state"] == "failed"]
    for model in failed:
        # A model without a failure failed before its container was recreated, and there was no room to retry it.
        known = model["failure"] is not None
        for line in describe_failure(model, config, out) if known else [f"{model['id']} was not started again"]:
            click.echo(f"modelgen: {line}", err=True)
    return WORLD if failed else 0


def _targets(status: dict[str, Any], running: Running) -> list[str]:
    """Return the models that should serve: the default profile, those that return, and those that ran last."""
    default = [name for profile in status["profiles"] if profile["default"] for name in profile["models"]]
    resumed = [one["id"] for one in status["models"] if one["wanted"] or (running.is_new and one["state"] == "failed")]
    known = {model["id"] for model in status["models"]}
    return [name for name in dict.fromkeys([*default, *running.returning, *resumed]) if name in known]


def _try_again(orchestrator: Orchestrator, status: dict[str, Any], models: list[str], *, wait: bool) -> list[Thread]:
    """Start models that failed before and have new containers, unless that would evict others.

    Returns:
        The running switches; the status has their results.
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
    usable = [model for model in status["models"] if model["state"] not in ("failed", "absent")]
    models = sorted(
        usable, key=lambda model: (model["state"] != "ready", not model["wanted"], model["id"] not in targets)
    )
    found = next(((model, route) for model in models for route in _ASKED if route in model["routes"]), None)
    if found is None:
        return
    model, route = found
    body = json.dumps({"model": model["id"], **_ASKED[route]})
    key = ' -H "Authorization: Bearer $MODELGEN_KEY"' if orchestrator.key else ""
    click.echo(f"  curl {orchestrator.url}{route}{key} \\\n    -H 'Content-Type: application/json' \\\n    -d '{body}'")
