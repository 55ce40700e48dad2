"""Implement `modelgen key`."""

from __future__ import annotations

import hashlib
import secrets

import click

_BYTES = 32


@click.command("key")
@click.option(
    "--role",
    type=click.Choice(("user", "admin")),
    required=True,
    help="`user` may use models; `admin` may also load, unload and inspect them.",
)
def key_command(role: str) -> int:
    """Make an API key for the orchestrator, and the line for its `keys_file`.

    The file contains only the key's hash, so others may read it; the key itself is printed once and not stored. Clients
    send it as `Authorization: Bearer`, commands take it from MODELGEN_KEY.

    \b
    Example:
      modelgen key --role user
    """
    key = f"mg-{secrets.token_urlsafe(_BYTES)}"
    click.echo(f"key:  {key}")
    click.echo(f"line: {role} sha256:{hashlib.sha256(key.encode()).hexdigest()}")
    return 0
