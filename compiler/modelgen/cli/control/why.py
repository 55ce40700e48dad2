"""Implement `modelgen why`."""

from __future__ import annotations

import json
import re
import sys
from typing import TYPE_CHECKING, Any

import click

from modelgen.cli.completion import complete_models
from modelgen.cli.control.failure_lines import describe_errors, describe_failure, find_places
from modelgen.cli.control.remote import ask_status, find_model, remote_options
from modelgen.cli.options import out_option
from modelgen.cli.override_notes import notes_about
from modelgen.cli.reading import printable

if TYPE_CHECKING:
    from pathlib import Path


_LONGEST_INPUT = 2**24
# `docker compose logs` begins each line with the container's name.
_OF_COMPOSE = re.compile(rb"^[a-zA-Z0-9][\w.-]* +\| ")


@click.command("why")
@remote_options
@out_option
@click.argument("model", shell_complete=complete_models)
def why_command(config: Path, out: Path | None, url: str | None, model: str, *, format_: str) -> int:
    """Explain why a model does not serve: the cause, what it means, and which line of models.toml to change.

    With `-` in place of a model, the output of an engine or of Docker is read from standard input; no orchestrator is
    needed.

    \b
    Example:
      modelgen why text-4b
      docker logs my-vllm 2>&1 | modelgen why -
    """
    if model == "-":
        return _explain_input(format_)
    _, status = ask_status(config, url)
    found = find_model(status, model)
    override_folder = (out or config.parent / "build") if status["driver"] == "docker" else None
    if format_ == "json":
        click.echo(json.dumps(_document(found, config, override_folder), indent=2))
    else:
        for line in [*_variants(found, model), *_lines(found, config, override_folder)]:
            click.echo(printable(line))
    return 0


def _explain_input(format_: str) -> int:
    """Explain output that is piped or pasted."""
    from modelgen.engines import SUPPORTED
    from modelgen_runtime.failures.explanation import explain_failure
    from modelgen_runtime.failures.log_lines import BEGIN_LINES, END_LINES, clean_line
    from modelgen_runtime.failures.root_cause import find_cause

    raw = sys.stdin.buffer.read(_LONGEST_INPUT).splitlines()
    lines = [clean_line(_OF_COMPOSE.sub(b"", line)) for line in raw]
    cause = find_cause([*lines[:BEGIN_LINES], *lines[BEGIN_LINES:][-END_LINES:]])
    # Several engines may have printed a line: the remedy of the first is as good as any.
    found = next((one for engine in SUPPORTED if (one := explain_failure(engine, None, cause))), None)
    if format_ == "json":
        keys = ("said", "meaning", "remedy", "keys")
        failure = found and dict(zip(keys, (found.line, found.text, found.remedy, [*found.keys]), strict=True))
        click.echo(json.dumps({"failure": failure, "log": [*cause.shown]}, indent=2))
        return 0
    said = ["not a known failure"]
    if found is not None:
        said = [f"output: {found.line.strip()}", f"meaning: {found.text}", f"what to do: {found.remedy}"]
        said += [f"where: {', '.join(found.keys)} in the model's table"] if found.keys else []
    for line in [*said, *(f"| {line}" for line in cause.shown)]:
        click.echo(printable(line))
    return 0


def _variants(model: dict[str, Any], name: str) -> list[str]:
    """Return what a name of a variant stands for, or which variants a model has."""
    variants: list[str] = model.get("variants", [])
    if name in variants:
        return [f"{name} is a variant of {model['id']}, whose engine serves it"]
    return [f"{model['id']} also serves its variants {', '.join(variants)}"] if variants else []


def _lines(model: dict[str, Any], config: Path, out: Path | None) -> list[str]:
    if model["held"]:
        return _held(model)
    if model["failure"] is not None:
        return describe_failure(model, config, out)
    if model["state"] == "absent":
        return [f"{model['id']} has no container: it was removed; `modelgen up` creates it again"]
    return [f"{model['id']} is {model['state']}; it has not failed", *describe_errors(model, config)]


def _document(model: dict[str, Any], config: Path, out: Path | None) -> dict[str, Any]:
    """Return the document of `--format json`: the orchestrator's answer, with places in models.toml."""
    failure = model["failure"]
    if failure is not None:
        failure = {**failure, "places": [vars(place) for place in find_places(config, failure.get("places", []))]}
    overrides = [] if out is None else notes_about(model["id"], out, (model["failure"] or {}).get("places", []))
    return {
        "model": model["id"],
        "variants": model.get("variants", []),
        "state": model["state"],
        "failure": failure,
        "errors": model.get("errors", []),
        "overrides": overrides,
    }


def _held(model: dict[str, Any]) -> list[str]:
    # Older orchestrators do not report the owner of a hold.
    lines = [f"{model['id']} is held by {model.get('held_by', 'an operator')}: its requests wait"]
    if model.get("held_for") is not None:
        lines.append(f"  the hold expires in {model['held_for']:.0f} s unless it is renewed")
    return [*lines, f"  what to do: run `modelgen release {model['id']}`"]
