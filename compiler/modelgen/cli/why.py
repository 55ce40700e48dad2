"""`modelgen why`."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import click

from modelgen.cli.remote import ask_status, remote_options
from modelgen.files import InputError

if TYPE_CHECKING:
    from pathlib import Path


@click.command("why")
@remote_options
@click.argument("model")
def command(config: Path, url: str | None, model: str, *, format_: str) -> int:
    """Say why a model does not serve: what its engine said last, what that means, and what mends it.

    \b
    Example:
      modelgen why text-4b
    """
    _, status = ask_status(config, url)
    found = find_model(status, model)
    if format_ == "json":
        click.echo(json.dumps({"model": found["id"], "state": found["state"], "failure": found["failure"]}, indent=2))
    else:
        for line in _lines(found, config):
            click.echo(line)
    return 0


def find_model(status: dict[str, Any], name: str) -> dict[str, Any]:
    """Return the model of a status that answers to a name.

    Raises:
        InputError: None does.
    """
    found: dict[str, Any] | None = next((one for one in status["models"] if name in one["names"]), None)
    if found is None:
        from modelgen.diagnostics import did_you_mean

        raise InputError(f"there is no model `{name}`: {did_you_mean(name, [one['id'] for one in status['models']])}")
    return found


def _lines(model: dict[str, Any], config: Path) -> list[str]:
    if model["held"]:
        return _held(model)
    if model["failure"] is not None:
        from modelgen.cli.failure_lines import describe_failure

        return describe_failure(model, config)
    if model["state"] == "absent":
        return [f"{model['id']} has no container: somebody removed it; `modelgen up` makes it again"]
    return [f"{model['id']} is {model['state']}; it has not failed"]


def _held(model: dict[str, Any]) -> list[str]:
    # An orchestrator of a version before this does not say who holds it.
    lines = [f"{model['id']} is held by {model.get('held_by', 'an operator')}: its requests wait"]
    if model.get("held_for") is not None:
        lines.append(f"  the hold ends by itself in {model['held_for']:.0f} s, unless it is renewed")
    return [*lines, f"  what to do: `modelgen release {model['id']}` lets it start again"]
