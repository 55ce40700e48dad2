"""Implement `modelgen unload`."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import click

from modelgen.cli.changing import find_to_change
from modelgen.cli.remote import find_model, remote_options

if TYPE_CHECKING:
    from pathlib import Path


@click.command("unload")
@remote_options
@click.argument("model")
def command(config: Path, url: str | None, model: str, *, format_: str) -> int:
    """Drain a model and stop it; its next request loads it again.

    Running requests can finish first, for up to `drain_timeout`. `modelgen hold` keeps a model stopped.

    \b
    Example:
      modelgen unload text-4b
    """
    from modelgen.operate.control import quoted

    orchestrator, status = find_to_change(config, url)
    find_model(status, model)
    stopped = orchestrator.ask("POST", f"/models/{quoted(model)}/stop", {})
    if format_ == "json":
        click.echo(json.dumps(stopped, indent=2, ensure_ascii=False))
    else:
        click.echo(f"{stopped['id']}: {stopped['state']}")
    return 0
