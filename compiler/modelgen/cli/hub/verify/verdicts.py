"""Print the result of `modelgen verify --load` for each model."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from modelgen.cli.reading import printable, say
from modelgen.look_ups import TABLE

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from modelgen.look_ups import Verdict


def print_verdicts(verdicts: Sequence[Verdict], *, in_image: bool) -> None:
    """Print the findings, then one line per model."""
    for found in (found for verdict in verdicts for found in verdict.findings):
        label = "error" if found.is_wrong else "warning"
        what = f"{found.file} of {found.repo}" if found.file else found.repo
        click.echo(printable(f"{label}: {found.model}: {what} {found.text}"))
        if found.said:
            click.echo(printable(f"  {found.said}"))
        click.echo(printable(f"  {found.help}"))
    for verdict in verdicts:
        click.echo(printable(f"{verdict.model}: {_line(verdict)}"))
    for problem in dict.fromkeys(verdict.problem for verdict in verdicts if verdict.problem):
        say(problem)
    if not in_image and (by := sorted({verdict.by for verdict in verdicts if verdict.by})):
        say(f"looked up by {' and '.join(by)}; `--image` runs the engines' own look-ups, in their images")
    elif quiet := sorted({verdict.engine for verdict in verdicts if verdict.by == TABLE and not verdict.problem}):
        say(f"{', '.join(quiet)} cannot look up without loading: {TABLE} was used")


def _line(verdict: Verdict) -> str:
    if verdict.why_not:
        return f"{'not loadable' if verdict.is_unplanned else 'not looked up'}: {verdict.why_not}"
    wrong = sum(found.is_wrong for found in verdict.findings)
    warnings = len(verdict.findings) - wrong
    if wrong:
        return f"not loadable, {wrong} error{'s' if wrong > 1 else ''}"
    if verdict.problem:
        return "not looked up by its engine; no problem found by modelgen's own table"
    return "loadable" + (f", {warnings} warning{'s' if warnings > 1 else ''}" if warnings else "")


def as_json(verdicts: Iterable[Verdict]) -> list[dict[str, Any]]:
    """Return the verdicts for programs."""
    return [
        {
            "model": verdict.model,
            "engine": verdict.engine,
            "status": verdict.status,
            "by": verdict.by,
            "message": verdict.problem or verdict.why_not,
            "findings": [
                {
                    "severity": "error" if found.is_wrong else "warning",
                    "look_up": found.look_up,
                    "repo": found.repo,
                    "file": found.file,
                    "message": found.text,
                    "engine_says": found.said,
                    "help": found.help,
                }
                for found in verdict.findings
            ],
        }
        for verdict in verdicts
    ]
