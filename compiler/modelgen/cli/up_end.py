"""How `up` ends: what serves, what loads, how to ask it, and why a model does not serve."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import click

from modelgen.cli.exits import WORLD

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

    interruption.consequence = "everything is applied, and models go on loading; `modelgen status` shows them"
    orchestrator = running.orchestrator
    status = orchestrator.ask("GET", "/status")
    targets = _targets(status, running.returning)
    _try_again(orchestrator, status, [name for name in targets if name in running.made])
    if not no_wait:
        status = await_models(orchestrator, targets)
    print_status(status)
    models = {model["id"]: model for model in status["models"]}
    _print_address(orchestrator, status, targets)
    failed = [models[name] for name in targets if not no_wait and models[name]["state"] == "failed"]
    for model in failed:
        for line in describe_failure(model, config, out):
            click.echo(f"modelgen: {line}", err=True)
    return WORLD if failed else 0


def _targets(status: dict[str, Any], returning: tuple[str, ...]) -> list[str]:
    """Return the models that ought to serve: of the default profile, and those that come back."""
    default = [name for profile in status["profiles"] if profile["default"] for name in profile["models"]]
    known = {model["id"] for model in status["models"]}
    return [name for name in dict.fromkeys([*default, *returning]) if name in known]


def _try_again(orchestrator: Orchestrator, status: dict[str, Any], models: list[str]) -> None:
    """Have models started that failed before and have new containers now, as far as nothing leaves for them."""
    states = {model["id"]: model["state"] for model in status["models"]}
    for name in models:
        if states[name] == "failed" and not orchestrator.ask("POST", "/switch", _switch(name, "dry_run"))["evict"]:
            orchestrator.ask("POST", "/switch", {**_switch(name), "wait": False})


def _switch(model: str, *options: str) -> dict[str, Any]:
    return {"model_id": model, **dict.fromkeys(options, True)}


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
