"""Implement `modelgen diff`."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import click

from modelgen.cli.build import refuse
from modelgen.cli.compiling import compile_file, config_option, has_colour, out_option, print_findings
from modelgen.cli.exits import FOUND, OUT_OF_DATE, cannot

if TYPE_CHECKING:
    from pathlib import Path

_COLOURS = {"+": "green", "-": "red", "@": "cyan"}


@click.command("diff")
@config_option
@out_option
def command(config: Path, out: Path | None) -> int:
    """Show what a build would change, as a unified diff; exit with 4 if it is not empty.

    \b
    Example:
      modelgen diff | less
    """
    compilation, out = compile_file(config, out)
    print_findings(compilation, "human", to_stderr=True)
    if compilation.failed:
        return FOUND
    from modelgen import output

    try:
        changes = output.compare(compilation.artifacts, out)
        text = output.diff(compilation.artifacts, changes, out)
    except OSError as error:
        raise cannot("read", out, error, "choose another directory with --out") from error
    if has_colour(sys.stdout):
        lines = (click.style(line, fg=_COLOURS.get(line[:1])) for line in text.splitlines(keepends=True))
        click.echo("".join(lines), nl=False, color=True)
    else:
        click.echo(text, nl=False)
    if changes.conflicts:
        return refuse(changes, out)
    return 0 if changes.is_empty else OUT_OF_DATE
