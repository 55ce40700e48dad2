"""Print the result of `modelgen verify`."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import click

from modelgen.cli.reading import printable
from modelgen.lockfile.repos import ASIDE, is_local
from modelgen.sizes import of_files

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from modelgen.hub.verifying.problems import Problem
    from modelgen.look_ups import Verdict

# Findings that a copy without links causes for every file.
_OF_COPIES = ("dangling", "missing", "unlinked")
_MOST_ALIKE = 2
_WITHOUT_PLACE = ("bad-lock", "no-hub", "not-locked", "other-weights")


@dataclass
class Outcome:
    """The result of a verification, and of `--fix`.

    Args:
        files: Number of files that were checked.
        bytes: Number of bytes that were read.
        problems: The problems.
        repaired: Indexes of the problems on which `--fix` acted.
        done: Indexes of the problems that need nothing more.
    """

    files: int
    bytes: int
    problems: list[Problem]
    repaired: set[int] = field(default_factory=set)
    done: set[int] = field(default_factory=set)

    @property
    def is_wrong(self) -> bool:
        """Return whether an error remains; notes do not count."""
        return any(found.is_wrong and number not in self.done for number, found in enumerate(self.problems))


def print_human(hub: Path, outcome: Outcome, *, quick: bool, fix: bool) -> None:
    """Print findings on stdout, and a summary on stderr."""
    for number, more in _alike(outcome):
        problem = outcome.problems[number]
        label = "error" if problem.is_wrong else "note"
        models = f" ({', '.join(problem.models)})" if problem.models else ""
        models += f"; {more} more file{'s' if more > 1 else ''} of {problem.repo} too" if more else ""
        what = problem.text if problem.kind in _WITHOUT_PLACE else f"{problem.path or hub} {problem.text}"
        click.echo(printable(f"{label}: {what}{models}"))
        if number in outcome.done:
            click.echo(f"  moved to {ASIDE}" if problem.kind == "foreign" else "  fixed")
        elif number in outcome.repaired:
            click.echo(f"  moved to {ASIDE}; run `modelgen fetch`")
        else:
            click.echo(printable(f"  {problem.help}"))
    wrong = sum(problem.is_wrong for problem in outcome.problems)
    looked = f"{outcome.files} file{'s' if outcome.files != 1 else ''}"
    how = "checked, contents not read" if quick else f"verified, {of_files(outcome.bytes)} read"
    if not wrong:
        click.echo(f"{hub}: {looked} {how}: no problems", err=True)
    elif not fix:
        click.echo(f"{hub}: {looked} {how}: {wrong} problem{'s' if wrong > 1 else ''}", err=True)
    else:
        click.echo(
            f"{hub}: {wrong} found, {len(outcome.repaired)} repaired or moved aside; {_left(outcome)}",
            err=True,
        )


def _alike(outcome: Outcome) -> list[tuple[int, int]]:
    """Return the index of the first problem of each kind in a repository, and the number of further files with it.

    A copy that left out all links is one message for each repository, and not one for each of 3,000 files.
    """
    groups: dict[object, list[int]] = {}
    for number, found in enumerate(outcome.problems):
        state = number in outcome.done, number in outcome.repaired
        alike = (found.kind, found.text, found.help, found.repo, found.is_wrong, state)
        groups.setdefault(alike if found.kind in _OF_COPIES else number, []).append(number)
    shown = [
        [(numbers[0], len(numbers) - 1)] if len(numbers) > _MOST_ALIKE else [(number, 0) for number in numbers]
        for numbers in groups.values()
    ]
    return [one for group in shown for one in group]


def _left(outcome: Outcome) -> str:
    """Return the next steps after `--fix`."""
    still = [found for number, found in enumerate(outcome.problems) if found.is_wrong and number not in outcome.done]
    if not still:
        return "nothing more to do"
    steps: dict[str, None] = {}
    for found in still:
        if found.kind in ("not-locked", "other-weights"):
            steps["run `modelgen lock`, then `modelgen fetch`"] = None
        elif found.kind == "mode":
            steps["make closed files readable"] = None
        elif not is_local(found.repo):
            steps["run `modelgen fetch`"] = None
        elif found.kind == "foreign":
            steps[f"move foreign files out of {found.repo}"] = None
        else:
            steps[f"run `modelgen add PATH --as {found.repo}`"] = None
    return ", and ".join(steps)


def print_json(hub: Path, outcome: Outcome, verdicts: Sequence[Verdict] | None, *, quick: bool) -> None:
    """Print everything as one document; `verdicts` is None without `--load`."""
    import json

    findings = [
        {
            "severity": "error" if problem.is_wrong else "note",
            "kind": problem.kind,
            "path": problem.path,
            "repo": problem.repo,
            "models": problem.models,
            "message": problem.text,
            "help": problem.help,
            "fixed": number in outcome.repaired,
        }
        for number, problem in enumerate(outcome.problems)
    ]
    document: dict[str, object] = {
        "hub": str(hub),
        "quick": quick,
        "ok": not outcome.is_wrong and not any(verdict.is_wrong or verdict.problem for verdict in verdicts or ()),
        "files": outcome.files,
        "bytes": outcome.bytes,
        "findings": findings,
    }
    if verdicts is not None:
        from modelgen.cli.hub.verify.verdicts import as_json

        document["load"] = as_json(verdicts)
    click.echo(json.dumps(document, indent=2))
