"""Implement `modelgen hold` and `modelgen release`."""

from __future__ import annotations

import getpass
import json
import socket
from typing import TYPE_CHECKING

import click

from modelgen.cli.completion import complete_models
from modelgen.cli.control.remote import find_model, find_to_change, remote_options

if TYPE_CHECKING:
    from pathlib import Path


@click.command("hold")
@remote_options
@click.argument("model", shell_complete=complete_models)
def hold_command(config: Path, url: str | None, model: str, *, format_: str) -> int:
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


@click.command("release")
@remote_options
@click.argument("model", shell_complete=complete_models)
def release_command(config: Path, url: str | None, model: str, *, format_: str) -> int:
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
