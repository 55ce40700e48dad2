"""`modelgen verify`."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import click

from modelgen.cli.compiling import config_option, lock_path, read_config, read_lock
from modelgen.cli.exits import FOUND, cannot
from modelgen.cli.locked import Inputs, hub_directory, read_inputs
from modelgen.cli.reading import interrupted, printable, reading
from modelgen.files import InputError
from modelgen.lockfile.repos import is_local

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from modelgen.hub.layout import Checkout
    from modelgen.hub.verifying.problems import Problem
    from modelgen.lockfile.entries import Asset, Snapshot


@click.command("verify")
@config_option
@click.option("--quick", is_flag=True, help="Look at names, sizes, links and modes; read no content.")
@click.option("--fix", is_flag=True, help="Remove bad files, write refs and listings anew, open modes.")
@click.option(
    "--format",
    "format_",
    type=click.Choice(("human", "json")),
    default="human",
    show_default=True,
    help="How findings look; `json` is one document.",
)
def command(config: Path, *, quick: bool, fix: bool, format_: str) -> int:
    """Hold the hub directory against models.lock, offline: every file is read and hashed.

    Lists what is missing, damaged, foreign, or closed to the container's user. What `--fix` removed, `modelgen fetch`
    brings again.

    \b
    Example:
      modelgen verify --quick
      modelgen verify --fix && modelgen fetch
    """
    inputs = _read(config)
    task = _task(inputs)
    try:
        with _held(inputs.hub) if fix and inputs.hub.is_dir() else contextlib.nullcontext():
            outcome = _verify(task, quick=quick)
            if fix:
                _mend(inputs.hub, outcome)
    except OSError as error:
        raise cannot("write", error.filename or inputs.hub, error, "make the hub directory writable") from error
    except KeyboardInterrupt:
        return interrupted("nothing can be said of what was not read yet; run it again")
    if format_ == "json":
        _print_json(inputs.hub, outcome, quick=quick)
    else:
        _print(inputs.hub, outcome, quick=quick, fix=fix)
    return FOUND if outcome.is_wrong else 0


def _read(config: Path) -> Inputs:
    """Read models.toml and its lock without the compiler's checks: none of them is about what lies on the disk.

    Their import would be a tenth of the time that a model of two gigabytes takes.
    """
    data, lock = read_config(config), read_lock(config)
    from modelgen.diagnostics import has_errors
    from modelgen.load import load
    from modelgen.lockfile.reading import parse_lock

    document, _, found = load(data, config.as_posix())
    locked, faults = (None, []) if lock is None else parse_lock(lock, lock_path(config).as_posix())
    if document is None or has_errors([*found, *faults]):
        return read_inputs(config)  # which prints the errors and stops
    return Inputs(config, document, locked, hub_directory(document.config.project.hub, config.parent))


@dataclass
class _Task:
    """What to look at, and what is wrong before anybody looked."""

    hub: Path
    checkouts: list[Checkout]
    assets: list[Asset]
    left_out: dict[str, tuple[str, ...]]
    problems: list[Problem]


@dataclass
class _Outcome:
    files: int
    bytes: int
    problems: list[Problem]
    mended: set[int] = field(default_factory=set)
    """Of which problems `--fix` did something, by their number."""
    done: set[int] = field(default_factory=set)
    """Of which problems nothing is left to do."""

    @property
    def is_wrong(self) -> bool:
        return any(found.is_wrong and number not in self.done for number, found in enumerate(self.problems))


def _task(inputs: Inputs) -> _Task:
    from modelgen.engines.assets import outside, wants
    from modelgen.hub.layout import checkouts
    from modelgen.hub.verifying.problems import Problem

    lock = inputs.lock
    if lock is None:
        raise InputError(f"there is no {inputs.lock_path}; run `modelgen lock`")
    problems, snapshots, help_ = [], [], "run `modelgen lock`, then `modelgen fetch`"
    for want in wants(inputs.document, lock):
        if (entry := lock.find(want)) is not None:
            snapshots.append(entry)
            continue
        at = f" at {want.revision}" if want.revision else ""
        text = f"{want.repo}{at} is not locked: {inputs.lock_path.name} has no such entry"
        problems.append(Problem("", "not-locked", text, help_, want.repo, want.models))
    needed = outside(inputs.document, lock)
    assets = [asset for asset in lock.assets if asset.sha256 in {file.sha256 for file in needed}]
    for file, models in needed.items():
        if file.sha256 not in {asset.sha256 for asset in assets}:
            text = f"{file.name} is not locked: {inputs.lock_path.name} has no such entry"
            problems.append(Problem("", "not-locked", text, help_, "", models))
    return _Task(inputs.hub, checkouts(inputs.hub, snapshots), assets, _left_out(snapshots), problems)


def _left_out(snapshots: list[Snapshot]) -> dict[str, tuple[str, ...]]:
    """Return patterns of the files of each commit that are no strangers: nobody wanted them."""
    found: dict[str, tuple[str, ...]] = {}
    for entry in snapshots:
        found[entry.commit] = (*found.get(entry.commit, ()), *entry.left_out, *entry.exclude)
    everything = {entry.commit for entry in snapshots} - {entry.commit for entry in snapshots if not entry.include}
    # Beside one quantization there may be the others, which are large: nothing to remove unasked.
    return found | dict.fromkeys(everything, ("*",))


def _verify(task: _Task, *, quick: bool) -> _Outcome:
    from modelgen.hub.verifying.refs import withhold_refs
    from modelgen.hub.verifying.verify import damaged, survey

    found = survey(task.hub, task.checkouts, task.assets, task.left_out, quick=quick)
    problems = [*task.problems, *found.problems]
    if not quick:
        with reading(found.size) as advanced:
            problems += damaged(task.hub, found.contents, advanced)
    problems = withhold_refs(problems)
    problems.sort(key=lambda problem: (not problem.is_wrong, problem.repo, problem.path))
    return _Outcome(found.files, 0 if quick else found.size, problems)


def _mend(hub: Path, outcome: _Outcome) -> None:
    from modelgen.hub.verifying.fixes import RefusedError, mend

    for number, problem in enumerate(outcome.problems):
        if problem.remedy is None:
            continue
        try:
            is_done = mend(hub, problem.remedy)
        except RefusedError as error:
            outcome.problems[number] = replace(problem, help=str(error))
            continue
        if is_done:
            outcome.done.add(number)
        outcome.mended.add(number)


@contextlib.contextmanager
def _held(hub: Path) -> Iterator[None]:
    from modelgen.hub.holding import held

    with held(hub, "modelgen verify --fix", lambda text: click.echo(f"modelgen: {text}", err=True)):
        yield


def _print(hub: Path, outcome: _Outcome, *, quick: bool, fix: bool) -> None:
    for number, problem in enumerate(outcome.problems):
        label = "error" if problem.is_wrong else "note"
        models = f" ({', '.join(problem.models)})" if problem.models else ""
        what = f"{problem.path or hub} {problem.text}" if problem.kind not in ("no-hub", "not-locked") else problem.text
        click.echo(printable(f"{label}: {what}{models}"))
        if number in outcome.done:
            click.echo("  mended")
        elif number in outcome.mended:
            click.echo("  removed; run `modelgen fetch`")
        else:
            click.echo(printable(f"  {problem.help}"))
    wrong = sum(problem.is_wrong for problem in outcome.problems)
    looked = f"{outcome.files} file{'s' if outcome.files != 1 else ''}"
    how = "looked at, nothing read" if quick else f"verified, {outcome.bytes:,} bytes read"
    if not wrong:
        click.echo(f"{hub}: {looked} {how}: all right", err=True)
    elif not fix:
        click.echo(f"{hub}: {looked} {how}: {wrong} thing{'s' if wrong > 1 else ''} wrong", err=True)
    else:
        click.echo(f"{hub}: {wrong} wrong, {len(outcome.mended)} dealt with; {_left(outcome)}", err=True)


def _left(outcome: _Outcome) -> str:
    """Return what is left to do after `--fix`: a fetch or a lock, and what no fetch brings."""
    still = [found for number, found in enumerate(outcome.problems) if found.is_wrong and number not in outcome.done]
    if not still:
        return "nothing is left to do"
    steps: dict[str, None] = {}
    for found in still:
        if found.kind == "not-locked":
            steps["run `modelgen lock`, then `modelgen fetch`"] = None
        elif found.kind == "mode":
            steps["open what is closed"] = None
        elif not is_local(found.repo):
            steps["run `modelgen fetch`"] = None
        elif found.kind == "foreign":
            steps[f"move foreign files out of {found.repo}"] = None
        else:
            steps[f"run `modelgen add PATH --as {found.repo}`"] = None
    return ", and ".join(steps)


def _print_json(hub: Path, outcome: _Outcome, *, quick: bool) -> None:
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
            "fixed": number in outcome.mended,
        }
        for number, problem in enumerate(outcome.problems)
    ]
    document = {
        "hub": str(hub),
        "quick": quick,
        "ok": not outcome.is_wrong,
        "files": outcome.files,
        "bytes": outcome.bytes,
        "findings": findings,
    }
    click.echo(json.dumps(document, indent=2))
