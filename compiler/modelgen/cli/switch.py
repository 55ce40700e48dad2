"""`modelgen switch`."""

from __future__ import annotations

import contextlib
import json
import sys
from typing import TYPE_CHECKING, Any

import click

from modelgen.cli.changing import find_to_change
from modelgen.cli.compiling import is_terminal
from modelgen.cli.remote import find_model, remote_options

if TYPE_CHECKING:
    from contextlib import AbstractContextManager
    from pathlib import Path


@click.command("switch")
@remote_options
@click.option("--profile", is_flag=True, help="NAME is a profile: its models become resident together.")
@click.option("--dry-run", is_flag=True, help="Change nothing; say what would be evicted and why.")
@click.option("--no-wait", is_flag=True, help="Return at once, and not when it serves.")
@click.argument("name")
def command(  # noqa: PLR0913 - its options
    config: Path, url: str | None, name: str, *, profile: bool, dry_run: bool, no_wait: bool, format_: str
) -> int:
    """Make a model resident, and return when it serves; what has to leave for it is drained and stopped.

    \b
    Example:
      modelgen switch text-4b
      modelgen switch --profile vision
      modelgen switch text-4b --dry-run
    """
    orchestrator, status = find_to_change(config, url)
    if not profile:
        find_model(status, name)
    asked: dict[str, Any] = {"profile" if profile else "model_id": name, "dry_run": dry_run, "wait": not no_wait}
    with _shown(name) if not (dry_run or no_wait) else contextlib.nullcontext():
        answer = orchestrator.ask("POST", "/switch", asked)
    if format_ == "json":
        click.echo(json.dumps(answer, indent=2, ensure_ascii=False))
    elif dry_run:
        click.echo(f"would start: {', '.join(answer['start']) or 'nothing'}")
        for victim in answer["evict"]:
            click.echo(f"would evict: {victim['model']} ({victim['running']} running), since {victim['reason']}")
    else:
        evicted = f", in place of {', '.join(answer['evicted'])}" if answer.get("evicted") else ""
        seconds = f" after {answer['seconds']:.1f} s" if "seconds" in answer else ""
        click.echo(f"{', '.join(answer['models'])}: {answer['status']}{seconds}{evicted}")
    return 0


def _shown(name: str) -> AbstractContextManager[Any]:
    """Show on a terminal that something goes on, and for how long."""
    if not is_terminal(sys.stderr):
        return contextlib.nullcontext()
    from rich.console import Console
    from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

    columns = (SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn())
    progress = Progress(*columns, console=Console(stderr=True), transient=True)
    progress.add_task(f"switching to {name}")
    return progress
