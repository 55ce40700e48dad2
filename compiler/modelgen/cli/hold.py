"""Implement `modelgen hold`."""

from __future__ import annotations

import getpass
import json
import socket
from typing import TYPE_CHECKING

import click

from modelgen.cli.changing import find_to_change
from modelgen.cli.remote import find_model, remote_options

if TYPE_CHECKING:
    from pathlib import Path


@click.command("hold")
@remote_options
@click.argument("model")
def command(config: Path, url: str | None, model: str, *, format_: str) -> int:
    """Stop a model and keep it from running; its requests wait until `modelgen release`.

    Running requests can finish first, for up to `drain_timeout`.

    \b
    Example:
      modelgen hold text-4b
    """
    from modelgen.operate.control import quoted

    orchestrator, status = find_to_change(config, url)
    find_model(status, model)
    held = orchestrator.ask("POST", f"/models/{quoted(model)}/hold", {"owner": _owner()})
    if format_ == "json":
        click.echo(json.dumps(held, indent=2, ensure_ascii=False))
    else:
        click.echo(f"{held['id']}: held; run `modelgen release {held['id']}` to let it start again")
    return 0


def _owner() -> str:
    """Return the caller's user and host, for the owner of a hold."""
    try:
        user = getpass.getuser()
    except (OSError, KeyError):  # a container's user without a name
        user = "unknown user"
    return f"{user} on {socket.gethostname()}"
