"""Implement `modelgen validate`."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import click

from modelgen.cli.compiling import check_file, print_findings
from modelgen.cli.exits import FOUND
from modelgen.cli.options import config_argument, format_option, max_findings_option
from modelgen.cli.terminal import is_terminal

if TYPE_CHECKING:
    from pathlib import Path


@click.command("validate")
@config_argument
@format_option
@max_findings_option
def validate_command(config: Path, format_: str, max_findings: int | None) -> int:
    """Print all findings on models.toml; writes nothing.

    \b
    Example:
      modelgen validate --format github
    """
    from modelgen.diagnostics import has_errors

    checked = check_file(config)
    print_findings(checked, format_, limit=max_findings, to_stderr=False)
    if format_ == "human" and not checked.diagnostics and is_terminal(sys.stderr):
        click.echo(f"modelgen: no findings in {config.as_posix()}", err=True)
    return FOUND if has_errors(checked.diagnostics) else 0
