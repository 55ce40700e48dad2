"""Implement `modelgen prune`."""

from __future__ import annotations

import sys
from contextlib import nullcontext
from dataclasses import dataclass
from typing import TYPE_CHECKING

import click

from modelgen.cli.compiling import lock_path, read_config, read_lock
from modelgen.cli.exits import FOUND, cannot
from modelgen.cli.hub.hub_options import hub_directory
from modelgen.cli.hub.prune_report import print_json, print_plan
from modelgen.cli.hub.registering import PRUNE
from modelgen.cli.options import config_option, json_option
from modelgen.cli.reading import interrupted
from modelgen.cli.terminal import is_terminal
from modelgen.files import InputError
from modelgen.sizes import of_files

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from modelgen.hub.cache.registry import Registered
    from modelgen.hub.pruning.needed import Needed
    from modelgen.hub.pruning.things import Plan


@click.command("prune")
@config_option
@click.option("--dry-run", is_flag=True, help="List what would be removed, and remove nothing.")
@click.option("--yes", is_flag=True, help="Remove without asking.")
@click.option(
    "--local",
    is_flag=True,
    help="Also remove unneeded models of `modelgen add`, and foreign files that `verify --fix` moved aside; "
    "there may be no other copy.",
)
@click.option(
    "--forget",
    metavar="PATH",
    default=None,
    help="Stop protecting what the registered lock at PATH needs; with --dry-run, list what would be removed.",
)
@json_option("How to print the list; `json` prints one document.")
def prune_command(  # noqa: PLR0913 - its options
    config: Path, forget: str | None, *, dry_run: bool, yes: bool, local: bool, format_: str
) -> int:
    """Remove what no registered models.lock needs from the hub directory.

    `modelgen fetch`, `up` and `add` register the lock of their project. A lock that cannot be read, on another host or
    in a removed folder, protects what it needed until `--forget`. Downloads of other programs are removed too, unless a
    lock needs them.

    \b
    Example:
      modelgen prune --dry-run
      modelgen prune --yes
      modelgen prune --forget /srv/old-project/models.lock
    """
    hub = _hub(config)
    if not hub.is_dir():
        raise InputError(
            f"there is no hub directory {hub}: `modelgen fetch` makes it, or correct `hub` in [project] of {config}"
        )
    from modelgen.hub.cache.holding import held

    try:
        # A list needs no lock and no write access.
        with nullcontext() if dry_run else held(hub, PRUNE, lambda text: click.echo(f"modelgen: {text}", err=True)):
            forgotten = _find_registered(hub, forget) if forget is not None else None
            if forgotten is not None and not dry_run:
                return _forget(hub, forgotten)
            needed = _needed(hub, config, forgotten)
            return _prune(_Run(hub, needed, dry_run, yes, format_), local=local)
    except OSError as error:
        way_out = "make the hub directory readable and writable, and run it again"
        raise cannot("read" if dry_run else "change", error.filename or hub, error, way_out) from error
    except KeyboardInterrupt:
        return interrupted("what remains is complete; run it again")


def _hub(config: Path) -> Path:
    data = read_config(config)
    from modelgen.load import load

    document, _, _ = load(data, config.as_posix())
    if document is None or document.is_refused("project", "hub"):
        raise InputError(f"{config} names no hub directory that can be used; run `modelgen validate`")
    return hub_directory(document.config.project.hub, config.parent)


def _find_registered(hub: Path, path: str) -> Registered:
    """Return the registered lock that `--forget` names."""
    from modelgen.hub.cache.registry import read_locks

    locks = read_locks(hub)
    found = [lock for lock in locks.registered if path in (lock.name, lock.path, f"{lock.host}:{lock.path}")]
    if len(found) != 1:
        names = found or locks.registered
        known = ", ".join(f"{lock.host}:{lock.path}" for lock in names) or "none"
        many = f"several hosts have {path}; pass one of them" if found else f"no lock {path} is registered in {hub}"
        raise click.UsageError(f"{many}: {known}")
    return found[0]


def _forget(hub: Path, lock: Registered) -> int:
    from modelgen.hub.cache.registry import forget

    forget(hub, lock)
    click.echo(f"modelgen: {lock.name} is no longer registered; `modelgen prune` removes what only it needed", err=True)
    return 0


def _needed(hub: Path, config: Path, forgotten: Registered | None) -> Needed:
    """Return what the registered locks need, and the lock beside `config`, registered or not.

    Args:
        hub: The hub directory.
        config: The path of models.toml.
        forgotten: A lock that is ignored.

    Raises:
        InputError: It is not known what is needed.
        OSError: The registry cannot be read.
    """
    from modelgen.hub.cache.following import open_regular
    from modelgen.hub.cache.registry import read_locks
    from modelgen.hub.pruning.needed import find_needed

    locks = read_locks(hub)
    if locks.broken:
        open_regular(hub / locks.broken[0]).close()  # an unreadable entry may be valid
        raise InputError(
            f"{hub / locks.broken[0]} is damaged, so the needs of a lock are not known; run `modelgen fetch` beside "
            "each models.lock of this hub directory, then remove that file"
        )
    registered = [lock for lock in locks.registered if lock != forgotten]
    if not registered:
        raise InputError(
            f"no models.lock is registered in {hub}, so nothing is known to be needed; run `modelgen fetch` beside "
            "each models.lock that uses it"
        )
    needed = find_needed(hub, registered)
    _add_own(hub, config, needed, registered)
    return needed


def _add_own(hub: Path, config: Path, needed: Needed, registered: Sequence[Registered]) -> None:
    from modelgen.hub.cache.registry import entry_of, wants_of
    from modelgen.lockfile.reading import parse_lock

    data = read_lock(config)
    if data is None:
        return
    own = entry_of(lock_path(config), data)
    if any((lock.file, lock.sha256) == (own.file, own.sha256) for lock in registered):
        return
    lock, faults = parse_lock(data, lock_path(config).as_posix())
    if lock is None:
        raise InputError(f"{faults[0].message}; {faults[0].help}")
    needed.add(*wants_of(hub, lock))


@dataclass(frozen=True)
class _Run:
    hub: Path
    needed: Needed
    dry_run: bool
    yes: bool
    format_: str

    def agrees(self) -> bool:
        """Return whether the listed files may be removed: by --yes, or by the answer to a question."""
        if self.dry_run or self.yes:
            return self.yes and not self.dry_run
        is_asked = self.format_ == "human" and is_terminal(sys.stdin) and is_terminal(sys.stdout)
        return is_asked and click.confirm("Remove all of this?", default=False, err=True)


def _prune(run: _Run, *, local: bool) -> int:
    from modelgen.hub.pruning.plan import make_plan
    from modelgen.hub.pruning.removing import remove

    plan = make_plan(run.hub, run.needed, local=local)
    if run.format_ == "human":
        print_plan(plan, run.needed)
    is_nothing = not plan.things and not plan.refs
    does = not is_nothing and run.agrees()
    if does:
        remove(run.hub, plan)
    if run.format_ == "json":
        print_json(run.hub, plan, run.needed, removed=does)
    is_left = not (is_nothing or does or run.dry_run)
    _conclude(plan, does=does, is_left=is_left, is_nothing=is_nothing)
    return FOUND if is_left else 0


def _conclude(plan: Plan, *, does: bool, is_left: bool, is_nothing: bool) -> None:
    if is_nothing:
        click.echo("modelgen: nothing to remove", err=True)
    elif does:
        click.echo(f"modelgen: {of_files(plan.bytes)} freed", err=True)
    elif is_left:
        click.echo(f"modelgen: nothing was removed; with --yes {of_files(plan.bytes)} are freed", err=True)
    else:
        click.echo(f"modelgen: {of_files(plan.bytes)} would be freed", err=True)
