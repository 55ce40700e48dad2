"""`modelgen release`."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import click

from modelgen.cli.changing import find_to_change
from modelgen.cli.remote import remote_options

if TYPE_CHECKING:
    from pathlib import Path


@click.command("release")
@remote_options
@click.argument("model")
def command(config: Path, url: str | None, model: str, *, format_: str) -> int:
    """Let a held model start again, whoever holds it; the next request starts it.

    \b
    Example:
      modelgen release text-4b
    """
    from modelgen.operate.control import quoted

    orchestrator = find_to_change(config, url)
    released = orchestrator.ask("POST", f"/models/{quoted(model)}/release")
    if format_ == "json":
        click.echo(json.dumps(released, indent=2, ensure_ascii=False))
    else:
        click.echo(f"{released['id']}: released; it is {released['state']}")
    return 0
