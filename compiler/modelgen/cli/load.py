"""Implement `modelgen load`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from modelgen.cli.remote import remote_options
from modelgen.cli.switch import switch_to

if TYPE_CHECKING:
    from pathlib import Path


@click.command("load")
@remote_options
@click.option("--dry-run", is_flag=True, help="Print what would be evicted and why, and change nothing.")
@click.option("--no-wait", is_flag=True, help="Return immediately instead of waiting until the model is ready.")
@click.argument("model")
def command(  # noqa: PLR0913 - its options
    config: Path, url: str | None, model: str, *, dry_run: bool, no_wait: bool, format_: str
) -> int:
    """Load a model and wait until it is ready.

    Models that do not fit beside it are drained and stopped, and no others. A model that is already loaded stays.

    \b
    Example:
      modelgen load text-4b
    """
    return switch_to(config, url, {"model_id": model, "dry_run": dry_run, "wait": not no_wait}, format_)
