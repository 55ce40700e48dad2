"""Print findings, for people or for programs."""

from __future__ import annotations

import sys
from importlib import import_module
from typing import TYPE_CHECKING

import click

from modelgen.cli.terminal import fill, has_colour, width_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from modelgen.diagnostics import Diagnostic
    from modelgen.source import Source

_MOST_READ = 30


def print_diagnostics(  # noqa: PLR0913 - what to print, and how
    found: list[Diagnostic],
    sources: Sequence[Source],
    format_: str = "human",
    *,
    limit: int | None = None,
    to_stderr: bool,
    command: str = "validate",
) -> None:
    """Print findings; machine formats are data and always go to stdout.

    Args:
        found: The findings.
        sources: The texts that they are about.
        format_: One of `options.FORMATS`.
        limit: The most findings to print; None for all, or for people as many as are read.
        to_stderr: Print the findings for people on stderr, without infos: the output of the command is something else.
        command: The command that prints all findings.
    """
    if format_ == "human":
        _print_for_people(found, sources, limit or _MOST_READ, to_stderr=to_stderr, command=command)
        return
    if limit is not None and len(found) > limit:
        from modelgen.diagnostics.repeats import by_severity

        _say_hidden(len(found) - limit, limit, command)
        kept = by_severity(found)[:limit]
        found = [one for one in found if one in kept]
    click.echo(import_module(f"modelgen.diagnostics.{format_}").render(found), nl=False)


def _print_for_people(
    found: list[Diagnostic], sources: Sequence[Source], limit: int, *, to_stderr: bool, command: str
) -> None:
    found = [one for one in found if not to_stderr or one.severity != "info"]
    if not found:
        return
    from modelgen.diagnostics import human
    from modelgen.diagnostics.repeats import fold

    blocks = fold(found)
    shown, hidden = blocks[:limit], sum(1 + len(block.more) for block in blocks[limit:])
    stream = sys.stderr if to_stderr else sys.stdout
    text = human.render(shown, *sources, colour=has_colour(stream), width=width_of(stream))
    click.echo(text, err=to_stderr, color=True)
    summary = f"{human.summarize(found)}; `modelgen explain {shown[0].found.code}` says more."
    click.echo(fill(summary, width_of(sys.stderr)), err=True)
    if hidden:
        _say_hidden(hidden, limit, command)


def _say_hidden(count: int, limit: int, command: str) -> None:
    what = "1 more finding is" if count == 1 else f"{count} more findings are"
    line = f"{what} not shown; `modelgen {command} --max-findings {count + limit}` shows all."
    click.echo(fill(line, width_of(sys.stderr)), err=True)
