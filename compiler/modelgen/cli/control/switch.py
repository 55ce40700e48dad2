"""Implement `modelgen switch`, `modelgen load` and `modelgen unload`."""

from __future__ import annotations

import contextlib
import json
import sys
from typing import TYPE_CHECKING, Any

import click

from modelgen.cli.completion import complete_models, complete_switch
from modelgen.cli.control.remote import find_model, find_to_change, remote_options, require_no_profile
from modelgen.cli.terminal import is_terminal

if TYPE_CHECKING:
    from contextlib import AbstractContextManager
    from pathlib import Path


@click.command("switch")
@remote_options
@click.option("--profile", is_flag=True, help="NAME is a profile: load all its models.")
@click.option("--dry-run", is_flag=True, help="Print what would be evicted and why, and change nothing.")
@click.option("--no-wait", is_flag=True, help="Return immediately instead of waiting until it is ready.")
@click.argument("name", shell_complete=complete_switch)
def switch_command(  # noqa: PLR0913 - its options
    config: Path, url: str | None, name: str, *, profile: bool, dry_run: bool, no_wait: bool, format_: str
) -> int:
    """Load a model, or all models of a profile, and wait until they are ready.

    Models that do not fit beside them are drained and stopped.

    \b
    Example:
      modelgen switch text-4b
      modelgen switch --profile vision
      modelgen switch text-4b --dry-run
    """
    key = "profile" if profile else "model_id"
    return switch_to(config, url, {key: name, "dry_run": dry_run, "wait": not no_wait}, format_)


def switch_to(config: Path, url: str | None, body: dict[str, Any], format_: str) -> int:
    """Send a switch request, and print the result.

    Args:
        config: Path of models.toml.
        url: Address of the orchestrator, or None for the one in models.toml.
        body: The body of the request, see `/openapi.json`.
        format_: `human` or `json`.

    Returns:
        The exit code.

    Raises:
        ModelgenError: The orchestrator cannot be reached, or the models cannot be loaded.
    """
    orchestrator, status = find_to_change(config, url)
    dry_run: bool = body["dry_run"]
    if "model_id" in body:
        require_no_profile(config, status, body["model_id"])
        find_model(status, body["model_id"])
    name = body.get("model_id") or body["profile"]
    with _shown(name) if body["wait"] and not dry_run else contextlib.nullcontext():
        answer = orchestrator.ask("POST", "/switch", body)
    if format_ == "json":
        click.echo(json.dumps(answer, indent=2, ensure_ascii=False))
    elif dry_run:
        click.echo(f"would start: {', '.join(answer['start']) or 'nothing'}")
        for victim in answer["evict"]:
            click.echo(f"would evict: {victim['model']} ({victim['running']} running): {victim['reason']}")
    else:
        evicted = f", in place of {', '.join(answer['evicted'])}" if answer.get("evicted") else ""
        seconds = f" after {answer['seconds']:.1f} s" if "seconds" in answer else ""
        click.echo(f"{', '.join(answer['models'])}: {answer['status']}{seconds}{evicted}")
    return 0


def _shown(name: str) -> AbstractContextManager[Any]:
    """Show a spinner and the elapsed time on a terminal."""
    if not is_terminal(sys.stderr):
        return contextlib.nullcontext()
    from rich.console import Console
    from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

    columns = (SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn())
    progress = Progress(*columns, console=Console(stderr=True), transient=True)
    progress.add_task(f"loading {name}")
    return progress


@click.command("load")
@remote_options
@click.option("--dry-run", is_flag=True, help="Print what would be evicted and why, and change nothing.")
@click.option("--no-wait", is_flag=True, help="Return immediately instead of waiting until the model is ready.")
@click.argument("model", shell_complete=complete_models)
def load_command(  # noqa: PLR0913 - its options
    config: Path, url: str | None, model: str, *, dry_run: bool, no_wait: bool, format_: str
) -> int:
    """Load a model and wait until it is ready.

    Models that do not fit beside it are drained and stopped, and no others. A model that is already loaded stays.

    \b
    Example:
      modelgen load text-4b
    """
    return switch_to(config, url, {"model_id": model, "dry_run": dry_run, "wait": not no_wait}, format_)


@click.command("unload")
@remote_options
@click.argument("model", shell_complete=complete_models)
def unload_command(config: Path, url: str | None, model: str, *, format_: str) -> int:
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
