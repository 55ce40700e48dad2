"""Implement `modelgen verify`."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import click

from modelgen.cli.compiling import lock_path, read_config, read_lock, reader
from modelgen.cli.completion import complete_models
from modelgen.cli.exits import FOUND, WORLD, cannot
from modelgen.cli.hub.hub_options import hub_directory
from modelgen.cli.hub.locked import Inputs, named_models, read_inputs
from modelgen.cli.hub.verify.report import Outcome, print_human, print_json
from modelgen.cli.options import config_option, json_option
from modelgen.cli.reading import interrupted, reading
from modelgen.files import InputError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from modelgen.hub.cache.layout import Checkout
    from modelgen.hub.verifying.problems import Problem
    from modelgen.lockfile.entries import Asset, Lock, Snapshot
    from modelgen.look_ups import Verdict


@click.command("verify")
@click.argument("models", nargs=-1, metavar="[MODEL]...", shell_complete=complete_models)
@config_option
@click.option("--quick", is_flag=True, help="Compare names, sizes, links and permissions only; read no contents.")
@click.option("--load", is_flag=True, help="Also look up the files that the engines open when they start.")
@click.option("--image", "in_image", is_flag=True, help="With --load: run the look-ups inside the engines' images.")
@click.option(
    "--fix",
    is_flag=True,
    help="Make missing links, move damaged files aside, write refs and listings, and make files readable.",
)
@json_option("How to print findings; `json` prints one document.")
def verify_command(  # noqa: PLR0913 - its options
    config: Path, models: tuple[str, ...], *, quick: bool, load: bool, in_image: bool, fix: bool, format_: str
) -> int:
    """Compare the hub directory with models.lock, offline: every file is read and hashed.

    Lists files that are missing, damaged, not locked, or not readable for the container's user; with MODEL, only
    those of these models. `--fix` repairs what it can without a download; run `modelgen fetch` after it.

    `--load` also checks that each engine will find what it opens when it starts. It needs no GPU and reads no
    weights, so `--quick --load` is fast. With `--image`, vLLM and SGLang do this themselves, in containers without
    network.

    \b
    Example:
      modelgen verify --quick
      modelgen verify text-4b
      modelgen verify --quick --load --image
      modelgen verify --fix && modelgen fetch
    """
    if in_image and not load:
        raise click.UsageError("`--image` needs `--load`: write `--load --image`")
    inputs, faults = _read(config)
    task = _task(inputs, models, faults)
    try:
        with _held(inputs.hub) if fix and inputs.hub.is_dir() else contextlib.nullcontext():
            outcome = _verify(task, quick=quick)
            if fix:
                _repair(inputs.hub, outcome)
    except OSError as error:
        action, way_out = ("write", "writable") if fix else ("read", "readable")
        raise cannot(action, error.filename or inputs.hub, error, f"make the hub directory {way_out}") from error
    except KeyboardInterrupt:
        return interrupted("the remaining files were not checked; run it again")
    verdicts = _look_up(inputs, models, in_image=in_image) if load else []
    if format_ == "json":
        print_json(inputs.hub, outcome, verdicts if load else None, quick=quick)
    else:
        print_human(inputs.hub, outcome, quick=quick, fix=fix)
        if load:
            from modelgen.cli.hub.verify.verdicts import print_verdicts

            print_verdicts(verdicts, in_image=in_image)
    if outcome.is_wrong or any(verdict.is_wrong for verdict in verdicts):
        return FOUND
    return WORLD if any(verdict.problem for verdict in verdicts) else 0


def _look_up(inputs: Inputs, models: Sequence[str], *, in_image: bool) -> list[Verdict]:
    from modelgen.cli.hub.verify.load import look_up_models

    return look_up_models(inputs, named_models(inputs, models), in_image=in_image)


def _read(config: Path) -> tuple[Inputs, Mapping[str, str]]:
    """Read models.toml and its lock; also return the repositories with a damaged entry, which are not verified.

    The compiler's checks do not run: none is about files on disk, and importing them would take a tenth of the time
    that a model of two gigabytes takes.
    """
    data, lock = read_config(config), read_lock(config)
    from modelgen.diagnostics import has_errors
    from modelgen.lift.flag_files import with_flag_files
    from modelgen.load import load
    from modelgen.lockfile.reading import parse_entries
    from modelgen.resolve.runs import run_models

    document, _, found = load(data, config.as_posix())
    locked, faults = parse_entries(lock, lock_path(config).as_posix()) if lock is not None else (None, dict[str, str]())
    if document is None or has_errors(found) or (lock is not None and locked is None):
        return read_inputs(config), {}  # prints the errors and exits
    document = with_flag_files(document, reader(config))
    hub = hub_directory(document.config.project.hub, config.parent)
    return Inputs(config, document, locked, hub, run_models(document)), faults


@dataclass
class _Task:
    """The entries to verify, and the problems that are known beforehand."""

    hub: Path
    checkouts: list[Checkout]
    assets: list[Asset]
    left_out: dict[str, tuple[str, ...]]
    problems: list[Problem]
    is_whole: bool
    """Return whether all models are verified, and so everything in the hub directory."""


def _task(inputs: Inputs, names: Sequence[str], faults: Mapping[str, str]) -> _Task:
    from modelgen.hub.cache.layout import checkouts
    from modelgen.resolve.assets import opening_by_name, outside, wants

    lock, models = inputs.lock, named_models(inputs, names)
    if lock is None:
        raise InputError(f"there is no {inputs.lock_path}; run `modelgen lock`")
    snapshots = [entry for want in wants(inputs.runs, lock, models) if (entry := lock.find(want)) is not None]
    needed = outside(inputs.runs, lock, models)
    assets = [asset for asset in lock.assets if asset.sha256 in {file.sha256 for file in needed}]
    found = checkouts(inputs.hub, snapshots, opening_by_name(inputs.runs))
    problems = [*_not_locked(inputs, lock, models, faults)]
    return _Task(inputs.hub, found, assets, _left_out(snapshots), problems, not names)


def _not_locked(inputs: Inputs, lock: Lock, models: Sequence[str], faults: Mapping[str, str]) -> Iterator[Problem]:
    """Yield a problem for each needed repository without a valid entry in the lock."""
    from modelgen.hub.verifying.problems import Problem
    from modelgen.lockfile.loading import why_unfit
    from modelgen.lockfile.reading import REMAKE
    from modelgen.resolve.assets import outside, wants

    name, help_ = inputs.lock_path.name, "run `modelgen lock`, then `modelgen fetch`"
    for want in wants(inputs.runs, lock, models):
        if (entry := lock.find(want)) is not None:
            if fault := why_unfit(want, entry):
                yield Problem("", "other-weights", f"{want.repo} {fault}", help_, want.repo, want.models)
            continue
        if want.repo in faults:
            yield Problem("", "bad-lock", f"{name} {faults[want.repo]}", REMAKE, want.repo, want.models)
            continue
        at = f" at {want.revision}" if want.revision else ""
        yield Problem(
            "", "not-locked", f"{want.repo}{at} is not locked: {name} has no such entry", help_, want.repo, want.models
        )
    known = {asset.sha256 for asset in lock.assets}
    for file, needing in outside(inputs.runs, lock, models).items():
        if file.sha256 not in known:
            yield Problem("", "not-locked", f"{file.name} is not locked: {name} has no such entry", help_, "", needing)


def _left_out(snapshots: list[Snapshot]) -> dict[str, tuple[str, ...]]:
    """Return, by commit, patterns of files that were left out on purpose and so are not foreign."""
    found: dict[str, tuple[str, ...]] = {}
    for entry in snapshots:
        found[entry.commit] = (*found.get(entry.commit, ()), *entry.left_out, *entry.exclude)
    everything = {entry.commit for entry in snapshots} - {entry.commit for entry in snapshots if not entry.include}
    # Other quantizations beside the locked one are large and are not removed without a question.
    return found | dict.fromkeys(everything, ("*",))


def _verify(task: _Task, *, quick: bool) -> Outcome:
    from modelgen.hub.verifying.refs import half_repos, withhold_refs
    from modelgen.hub.verifying.verify import damaged, survey

    found = survey(task.hub, task.checkouts, task.assets, task.left_out, quick=quick, others=task.is_whole)
    problems = [*task.problems, *found.problems]
    if not quick:
        with reading(found.size) as advanced:
            problems += damaged(task.hub, found.contents, advanced)
    problems = withhold_refs(problems, half_repos(problems))
    problems.sort(key=lambda problem: (not problem.is_wrong, problem.repo, problem.path))
    return Outcome(found.files, 0 if quick else found.size, problems)


def _repair(hub: Path, outcome: Outcome) -> None:
    """Repair what can be repaired; write refs last, and only for repositories whose files are correct then."""
    from modelgen.hub.verifying.fixes import RefusedError, apply
    from modelgen.hub.verifying.refs import half_repos, withhold_refs

    numbers = sorted(range(len(outcome.problems)), key=lambda number: outcome.problems[number].kind == "ref")
    for number in numbers:
        if outcome.problems[number].kind == "ref":
            left = (problem for other, problem in enumerate(outcome.problems) if other not in outcome.done)
            half = half_repos(left, is_fixed=True)
            outcome.problems[number] = withhold_refs([outcome.problems[number]], half)[0]
        problem = outcome.problems[number]
        if problem.remedy is None:
            continue
        try:
            is_done = apply(hub, problem.remedy)
        except RefusedError as error:
            outcome.problems[number] = replace(problem, help=str(error))
            continue
        except PermissionError as error:  # the repository of another user; the others can be repaired
            text = str(cannot("write", error.filename or hub / problem.path, error, "make it writable for this user"))
            outcome.problems[number] = replace(problem, help=text)
            continue
        if is_done:
            outcome.done.add(number)
        outcome.repaired.add(number)


@contextlib.contextmanager
def _held(hub: Path) -> Iterator[None]:
    from modelgen.hub.cache.holding import held

    with held(hub, "modelgen verify --fix", lambda text: click.echo(f"modelgen: {text}", err=True)):
        yield
