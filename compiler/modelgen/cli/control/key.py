"""Implement `modelgen key`."""

from __future__ import annotations

import hashlib
import secrets

import click

_BYTES = 32


def _check_name(_: click.Context, __: click.Parameter, name: str | None) -> str | None:
    """Refuse a name that the keys file cannot hold."""
    from modelgen_runtime.gateway.keys import NAME

    if name is not None and not NAME.fullmatch(name):
        raise click.BadParameter(f"`{name}` is not a name: write up to 64 letters, digits and `. _ @ -`")
    return name


def _check_models(_: click.Context, __: click.Parameter, models: str | None) -> str | None:
    """Refuse patterns that the keys file cannot hold."""
    if models is not None and (not all(models.split(",")) or any(sign.isspace() or sign == "#" for sign in models)):
        raise click.BadParameter(f"`{models}` is not a list of patterns: write them without spaces, such as `a*,b`")
    return models


@click.command("key")
@click.option("--name", callback=_check_name, help="Its name in usage and metrics.  [default: digits of its hash]")
@click.option(
    "--models",
    metavar="GLOBS",
    callback=_check_models,
    help="Models that it may use, by name, with commas between them, such as `text-*,embed`.  [default: all]",
)
@click.option(
    "--role",
    type=click.Choice(("user", "admin")),
    required=True,
    help="`user` may use models; `admin` may also load, unload and inspect them.",
)
def key_command(role: str, name: str | None, models: str | None) -> int:
    """Make an API key for the orchestrator, and the line for its `keys_file`.

    The file contains only the key's hash, so others may read it; the key itself is printed once and not stored. Clients
    send it as `Authorization: Bearer`, commands take it from MODELGEN_KEY.

    \b
    Example:
      modelgen key --role user
      modelgen key --role user --name alice --models "text-*"
    """
    key = f"mg-{secrets.token_urlsafe(_BYTES)}"
    click.echo(f"key:  {key}")
    more = [f"name={name}"] if name else []
    more += [f"models={models}"] if models else []
    click.echo(" ".join([f"line: {role} sha256:{hashlib.sha256(key.encode()).hexdigest()}", *more]))
    return 0
