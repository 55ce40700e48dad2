"""`modelgen why`."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import click

from modelgen.cli.compiling import out_option
from modelgen.cli.failure_lines import describe_errors, describe_failure
from modelgen.cli.override_notes import notes_about
from modelgen.cli.places import find_places
from modelgen.cli.reading import printable
from modelgen.cli.remote import find_orchestrator, remote_options
from modelgen.files import InputError

if TYPE_CHECKING:
    from pathlib import Path


@click.command("why")
@remote_options
@out_option
@click.argument("model")
def command(config: Path, out: Path | None, url: str | None, model: str, *, format_: str) -> int:
    """Say why a model does not serve: what its engine said last, what that means, and what mends it at which line.

    \b
    Example:
      modelgen why text-4b
    """
    status = find_orchestrator(config, url).ask("GET", "/status")
    models = status["models"]
    found = next((one for one in models if model in one["names"]), None)
    if found is None:
        from modelgen.diagnostics import did_you_mean

        raise InputError(f"there is no model `{model}`: {did_you_mean(model, [one['id'] for one in models])}")
    override_folder = (out or config.parent / "build") if status["driver"] == "docker" else None
    if format_ == "json":
        click.echo(json.dumps(_document(found, config, override_folder), indent=2))
    else:
        for line in _lines(found, config, override_folder):
            click.echo(printable(line))
    return 0


def _lines(model: dict[str, Any], config: Path, out: Path | None) -> list[str]:
    if model["failure"] is not None:
        return describe_failure(model, config, out)
    if model["held"]:
        return [f"{model['id']} is held by an operator; POST /models/{model['id']}/release lets it start again"]
    if model["state"] == "absent":
        return [f"{model['id']} has no container: somebody removed it; `modelgen up` makes it again"]
    return [f"{model['id']} is {model['state']}; it has not failed", *describe_errors(model, config)]


def _document(model: dict[str, Any], config: Path, out: Path | None) -> dict[str, Any]:
    """Return what `--format json` prints: the orchestrator's own words, and where they are to be heeded."""
    failure = model["failure"]
    if failure is not None:
        failure = {**failure, "places": [vars(place) for place in find_places(config, failure.get("places", []))]}
    overrides = [] if out is None else notes_about(model["id"], out)
    return {
        "model": model["id"],
        "state": model["state"],
        "failure": failure,
        "errors": model.get("errors", []),
        "overrides": overrides,
    }
