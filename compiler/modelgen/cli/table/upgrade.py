"""Implement `modelgen upgrade`."""

from __future__ import annotations

import sys
from dataclasses import dataclass, replace
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

import click

from modelgen.checks.lock import LOCKED_ANEW
from modelgen.cli.completion import complete_models
from modelgen.cli.exits import FOUND, OUT_OF_DATE
from modelgen.cli.options import config_option
from modelgen.cli.reading import say
from modelgen.cli.table.change import compiled, errors_of, read_valid, refuse, write
from modelgen.cli.table.releases import targets_of
from modelgen.cli.terminal import fill, is_terminal, width_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from modelgen.cli.table.change import Files
    from modelgen.diagnostics import Diagnostic
    from modelgen.engines.images.versions import Version
    from modelgen.load import Document
    from modelgen.pipeline import Compilation
    from modelgen.upgrading.steps import Step


@dataclass(frozen=True)
class Upgrade:
    """A proposed upgrade.

    Args:
        before: The files as they are.
        after: The files as they will be.
        document: The models.toml as it is.
        targets: The releases that the engines move to.
        steps: What changes, and what only the user can decide.
        compilation: The new file, compiled.
    """

    before: Files
    after: Files
    document: Document
    targets: Mapping[str, Version]
    steps: Sequence[Step]
    compilation: Compilation

    @property
    def errors(self) -> list[Diagnostic]:
        """The errors of the new file, without those on models.lock."""
        return [found for found in errors_of(self.compilation) if found.rule not in LOCKED_ANEW]

    @property
    def is_open(self) -> bool:
        """Return whether something is left to do by hand."""
        return bool(self.errors) or not all(step.is_decided for step in self.steps)

    def place(self, step: Step) -> str:
        """Return where a step is, as `models.toml:12`."""
        span = self.document.at_key(*step.path)
        return f"{PurePosixPath(span.path).name}:{span.line}"


@click.command("upgrade")
@click.argument("models", nargs=-1, metavar="[MODEL]...", shell_complete=complete_models)
@click.option(
    "--to",
    "to",
    multiple=True,
    metavar="ENGINE=VERSION",
    help="The release to move to, newer or older; repeat it for several engines.  [default: the newest of each]",
)
@click.option("--check", is_flag=True, help="Write nothing; exit with 1 if the release refuses or ignores something.")
@click.option("--yes", is_flag=True, help="Write models.toml without asking.")
@config_option
def upgrade_command(models: tuple[str, ...], to: tuple[str, ...], *, check: bool, yes: bool, config: Path) -> int:
    """Rewrite models.toml for another release of an engine.

    Images get the new tag. Flags and variables that the release renamed, moved or removed are changed, and defaults
    that size the memory of a start are written out where they differ. What only you can decide is listed with its
    line. The changes are shown as a diff first; comments and layout stay.

    \b
    Example:
      modelgen upgrade --to vllm=0.32.0
      modelgen upgrade text-4b --to vllm=0.32.0
      modelgen upgrade --check
    """
    if check and yes:
        raise click.UsageError("--check writes nothing; remove --yes")
    upgrade = _proposed(config, models, to)
    if not upgrade.targets:
        say("nothing to change: no model uses an engine whose releases modelgen knows")
        return 0
    if check:
        return _check(upgrade)
    if not upgrade.steps:
        say(f"nothing to change: the models run {_named(upgrade.targets)} already")
        return 0
    click.echo("\n".join(_lines(upgrade)))
    if upgrade.after.data == upgrade.before.data:
        say(f"{config} is unchanged")
        return FOUND
    click.echo(_diff(upgrade), nl=False)
    _print_errors(upgrade)
    if not yes and not _confirmed(upgrade):
        say(f"{config} is unchanged")
        return OUT_OF_DATE
    write(upgrade.before, upgrade.after, is_lock_first=False)
    say(f"wrote {config}")
    steps = ["modelgen validate"] if upgrade.is_open else [*_lock_steps(upgrade), "modelgen plan", "modelgen up"]
    click.echo(f"next: {' && '.join(steps)}", err=True)
    return FOUND if upgrade.is_open else 0


def _proposed(config: Path, models: Sequence[str], to: Sequence[str]) -> Upgrade:
    from modelgen.cli.hub.locked import find_id
    from modelgen.upgrading.edits import apply
    from modelgen.upgrading.steps import steps_of

    before, resolved = read_valid(config, f"fix these errors first; {config} is unchanged")
    known = {name: (run.model.repo, *(run.model.aliases or ())) for name, run in resolved.runs.items()}
    chosen = {find_id(name, known, config) for name in models} or None
    targets = targets_of(to, {name: run for name, run in resolved.runs.items() if chosen is None or name in chosen})
    steps = steps_of(resolved, targets, chosen)
    after = replace(before, data=apply(before.data, [edit for step in steps for edit in step.edits]))
    return Upgrade(before, after, resolved.document, targets, steps, compiled(after))


def _named(targets: Mapping[str, Version]) -> str:
    from modelgen.engines import ENGINES

    return ", ".join(f"{ENGINES[name].title} {version.text}" for name, version in targets.items())


def _check(upgrade: Upgrade) -> int:
    broken = [step for step in upgrade.steps if step.breaks]
    for step in broken:
        click.echo(f"{upgrade.place(step)}: {step.text}")
    _print_errors(upgrade)
    count = len(broken) + len(upgrade.errors)
    say(f"{_named(upgrade.targets)}: {count or 'nothing'} {'to change' if count != 1 else 'thing to change'}")
    return FOUND if count else 0


def _lines(upgrade: Upgrade) -> Iterator[str]:
    """Yield the steps as text, those that are left to decide last."""
    width = width_of(sys.stdout)
    ordered = sorted(upgrade.steps, key=lambda step: (not step.is_decided, upgrade.document.at_key(*step.path).line))
    yield f"to {_named(upgrade.targets)}:"
    is_headed = False
    for step in ordered:
        if not step.is_decided and not is_headed:
            is_headed = True
            yield "to decide:"
        yield fill(f"  {upgrade.place(step)}: {step.text}", width, "    ")
    yield ""


def _diff(upgrade: Upgrade) -> str:
    from difflib import unified_diff

    from modelgen.load.text import decode

    old, new = (decode(files.data).splitlines(keepends=True) for files in (upgrade.before, upgrade.after))
    name = upgrade.before.config.as_posix()
    lines = [line if line.endswith("\n") else f"{line}\n" for line in unified_diff(old, new, name, name)]
    return "".join(lines)


def _print_errors(upgrade: Upgrade) -> None:
    """Print what is wrong with the new file, at its lines."""
    if upgrade.errors:
        refuse(upgrade.compilation, upgrade.errors, "the new file has these errors")


def _confirmed(upgrade: Upgrade) -> bool:
    if not (is_terminal(sys.stdin) and is_terminal(sys.stderr)):
        say("nothing is written without a terminal; add --yes")
        return False
    return click.confirm(f"Write {upgrade.before.config}?", default=not upgrade.is_open, err=True)


def _lock_steps(upgrade: Upgrade) -> list[str]:
    return ["modelgen lock", "modelgen fetch"] if upgrade.before.lock is not None else []
