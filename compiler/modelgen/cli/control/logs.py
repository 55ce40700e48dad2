"""Implement `modelgen logs`."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import click

from modelgen.cli.completion import complete_models
from modelgen.cli.control.remote import ask_status, find_model, remote_options

if TYPE_CHECKING:
    from pathlib import Path


@click.command("logs")
@remote_options
@click.option("--follow", "-f", is_flag=True, help="Print new lines until Ctrl-C.")
@click.option("--lines", "-n", type=click.IntRange(0, 10_000), default=100, show_default=True, help="Number of lines.")
@click.argument("model", shell_complete=complete_models)
def logs_command(config: Path, url: str | None, model: str, *, follow: bool, lines: int, format_: str) -> int:  # noqa: PLR0913
    """Print the output of a model's engine.

    \b
    Example:
      modelgen logs text-4b
      modelgen logs text-4b --follow
    """
    from modelgen.operate.control import quoted

    orchestrator, status = ask_status(config, url)
    find_model(status, model)
    path = f"/logs/{quoted(model)}?lines={lines}"
    if follow:
        for line in orchestrator.follow(f"{path}&follow=true"):
            click.echo(json.dumps(line) if format_ == "json" else line)
        return 0
    answer = orchestrator.ask("GET", path)
    if format_ == "json":
        click.echo(json.dumps(answer, indent=2, ensure_ascii=False))
    else:
        for line in answer["lines"]:
            click.echo(line)
    return 0
