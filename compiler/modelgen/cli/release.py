"""Implement `modelgen release`."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import click

from modelgen.cli.changing import find_to_change
from modelgen.cli.remote import find_model, remote_options

if TYPE_CHECKING:
    from pathlib import Path


@click.command("release")
@remote_options
@click.argument("model")
def command(config: Path, url: str | None, model: str, *, format_: str) -> int:
    """Release a model that is held, by any owner; its next request starts it.

    \b
    Example:
      modelgen release text-4b
    """
    from modelgen.operate.control import quoted

    orchestrator, status = find_to_change(config, url)
    was_held = find_model(status, model)["held"]
    released = orchestrator.ask("POST", f"/models/{quoted(model)}/release")
    if format_ == "json":
        click.echo(json.dumps(released, indent=2, ensure_ascii=False))
    else:
        outcome = "released" if was_held else "was not held"
        click.echo(f"{released['id']}: {outcome}; it is {released['state']}")
    return 0
