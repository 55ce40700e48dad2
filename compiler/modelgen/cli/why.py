"""`modelgen why`."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import click

from modelgen.cli.remote import find_orchestrator, remote_options
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
    models = find_orchestrator(config, url).ask("GET", "/models")["models"]
    found = next((one for one in models if model in one["names"]), None)
    if found is None:
        from modelgen.diagnostics import did_you_mean

        raise InputError(f"there is no model `{model}`: {did_you_mean(model, [one['id'] for one in models])}")
    if format_ == "json":
        click.echo(json.dumps({"model": found["id"], "state": found["state"], "failure": found["failure"]}, indent=2))
    else:
        for line in _lines(found):
            click.echo(line)
    return 0


def _lines(model: dict[str, Any]) -> list[str]:
    failure = model["failure"]
    if failure is None:
        if model["held"]:
            return [f"{model['id']} is held by an operator; POST /models/{model['id']}/release lets it start again"]
        if model["state"] == "absent":
            return [f"{model['id']} has no container: somebody removed it; `modelgen up` makes it again"]
        return [f"{model['id']} is {model['state']}; it has not failed"]
    lines = [f"{model['id']} is {model['state']}: it {failure['message']}"]
    if failure["meaning"]:
        lines += [f"  it said: {failure['said']}"] if failure["said"] in failure["log"] else []
        lines += [f"  that means: {failure['meaning']}", f"  what to do: {failure['remedy']}"]
    if failure["in_a_row"] > 1:
        lines.append(f"  it has failed {failure['in_a_row']} times in a row")
    if failure["retry_after"]:
        lines.append(f"  the next request that starts it may come in {failure['retry_after']:.0f} s")
    return [*lines, *(f"  | {line}" for line in failure["log"])]
