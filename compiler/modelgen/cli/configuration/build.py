"""Implement `modelgen build` and `modelgen diff`."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import click

from modelgen.cli.compiling import compile_file, print_findings
from modelgen.cli.exits import FOUND, OUT_OF_DATE, cannot
from modelgen.cli.options import config_argument, format_option, max_findings_option, out_option
from modelgen.cli.terminal import has_colour, is_terminal
from modelgen.targets import DEFAULT_TARGETS, TARGETS

if TYPE_CHECKING:
    from pathlib import Path

    from modelgen.output import ChangeSet
    from modelgen.pipeline import Compilation


target_option = click.option(
    "--target",
    "targets",
    type=click.Choice([*TARGETS]),
    multiple=True,
    default=DEFAULT_TARGETS,
    show_default=True,
    help="What to write; repeat it for several.",
)


@click.command("build")
@config_argument
@out_option
@click.option("--check", is_flag=True, help="Write nothing; exit with 4 if the output is out of date.")
@click.option(
    "--force", is_flag=True, help="Overwrite and remove files that modelgen did not write, or that were edited."
)
@target_option
@format_option
@max_findings_option
def build_command(  # noqa: PLR0913 - an argument for each option
    config: Path,
    out: Path | None,
    *,
    check: bool,
    force: bool,
    targets: tuple[str, ...],
    format_: str,
    max_findings: int | None,
) -> int:
    """Write the output directory from models.toml.

    A file that modelgen did not write, or that was edited since, is never overwritten without --force.

    \b
    Example:
      modelgen build --config prod/models.toml --out prod/build
      modelgen build --check
    """
    if check and force:
        raise click.UsageError("--check writes nothing; remove --force")
    compilation, out = compile_file(config, out, targets)
    print_findings(compilation, format_, limit=max_findings, to_stderr=True)
    if compilation.failed:
        return FOUND
    if check:
        return check_built(compilation, out)
    return _build(compilation, config, out, force=force, is_for_people=format_ == "human")


def check_built(compilation: Compilation, out: Path) -> int:
    """Return 0 if the output directory is as a build would write it; else print why not, and return the exit code."""
    from modelgen import output
    from modelgen.cli.override_notes import warn_of_override

    warn_of_override(out, compilation.artifacts)
    try:
        changes = output.compare(compilation.artifacts, out)
    except OSError as error:
        raise cannot("read", out, error, "choose another directory with --out") from error
    if changes.conflicts:
        return refuse(changes, out)
    if changes.is_empty:
        return 0
    if len(changes.create) == len(compilation.artifacts):
        what = "holds no build" if out.exists() else "does not exist"
        click.echo(f"modelgen: {out.as_posix()}/ {what}; run `modelgen build`", err=True)
        return OUT_OF_DATE
    stale = [*changes.create, *changes.update, *changes.delete]
    named = ", ".join(f"{(out / name).as_posix()}" for name in stale) or "an unfinished build"
    click.echo(f"modelgen: out of date: {named}; run `modelgen build`", err=True)
    return OUT_OF_DATE


def _build(compilation: Compilation, config: Path, out: Path, *, force: bool, is_for_people: bool) -> int:
    from modelgen import output

    if compilation.fleet is not None:
        from modelgen.cli.configuration.hints import refuse_hub

        refuse_hub(compilation.fleet, config)
    try:
        changes = output.build(compilation.artifacts, out, force=force)
    except OSError as error:
        raise cannot(
            "write", error.filename2 or error.filename or out, error, "fix that or choose another directory with --out"
        ) from error
    if changes.conflicts and not force:
        return refuse(changes, out)
    from modelgen.cli.configuration.hints import print_changes, print_hints, print_missing_files

    if is_for_people:
        print_changes(changes, out)
    if compilation.fleet is not None:
        print_missing_files(compilation.fleet, config)
        if is_terminal(sys.stderr):
            print_hints(compilation.fleet, config, out)
    return 0


def refuse(changes: ChangeSet, out: Path) -> int:
    """Print the user's files that a build would overwrite or remove, and the next step."""
    for name in changes.conflicts:
        reason = "was edited since modelgen wrote it" if name in changes.known else "was not written by modelgen"
        click.echo(f"modelgen: {(out / name).as_posix()} {reason}", err=True)
    click.echo(
        "modelgen: nothing was written; move your changes to models.toml or a docker-compose.override.yml, "
        "or discard them with `modelgen build --force`",
        err=True,
    )
    return FOUND


_COLOURS = {"+": "green", "-": "red", "@": "cyan"}


@click.command("diff")
@config_argument
@out_option
@target_option
def diff_command(config: Path, out: Path | None, targets: tuple[str, ...]) -> int:
    """Show what a build would change, as a unified diff; exit with 4 if it is not empty.

    \b
    Example:
      modelgen diff | less
    """
    compilation, out = compile_file(config, out, targets)
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
