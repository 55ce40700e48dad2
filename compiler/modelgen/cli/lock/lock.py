"""Implement `modelgen lock`."""

from __future__ import annotations

import os
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

import click

from modelgen.cli.completion import complete_models
from modelgen.cli.exits import cannot
from modelgen.cli.hub.hub_options import read_token, token_option
from modelgen.cli.hub.locked import Inputs, named_models, read_inputs
from modelgen.cli.options import config_option, json_option
from modelgen.files import ModelgenError

if TYPE_CHECKING:
    from pathlib import Path

    from modelgen.hub.connection.client import Connection
    from modelgen.hub.locking.resolution import Resolution
    from modelgen.lockfile.entries import Lock


@dataclass(frozen=True)
class Task:
    """The settings of one `modelgen lock`.

    Args:
        inputs: models.toml, its lock and the hub directory.
        only: Models whose entries may change; None for all.
        moved: Models whose commits are updated.
        is_strict: Whether to write nothing if something cannot be checked.
    """

    inputs: Inputs
    only: frozenset[str] | None = None
    moved: frozenset[str] = frozenset()
    is_strict: bool = False

    @property
    def old(self) -> Lock:
        """The existing lock; an empty one if there is none."""
        from modelgen.lockfile.entries import Lock

        return self.inputs.lock or Lock()


@click.command("lock")
@config_option
@token_option
@click.option("--upgrade", is_flag=True, help="Update to the newest commits, for all models or for those named.")
@click.option(
    "--check", is_flag=True, help="Only compare models.lock with models.toml, offline; exit with 4 if they disagree."
)
@click.option("--offline", is_flag=True, help="Lock what is in the hub directory, without a network.")
@click.option("--strict", is_flag=True, help="With --offline: fail if something cannot be checked.")
@json_option("How to print the changes.")
@click.argument("models", nargs=-1, metavar="[MODEL]...", shell_complete=complete_models)
def lock_command(  # noqa: PLR0913 - its options
    config: Path,
    token_file: Path | None,
    models: tuple[str, ...],
    *,
    upgrade: bool,
    check: bool,
    offline: bool,
    strict: bool,
    format_: str,
) -> int:
    """Write models.lock: the commits, sizes and hashes of all files that models.toml needs.

    Existing entries stay as they are. No weights are downloaded. With MODEL, only entries of these models change. If
    a repository cannot be reached, its old entry stays, the others are locked, and the exit code is not 0.

    \b
    Example:
      modelgen lock
      modelgen lock text-4b
      modelgen lock --upgrade text-4b
      modelgen lock --check
      modelgen lock --offline --strict
    """
    if check and (upgrade or offline):
        raise click.UsageError("--check only compares, offline; it cannot be combined with --upgrade or --offline")
    if check and models:
        raise click.UsageError("--check compares the whole files; remove the names of models")
    if strict and not offline:
        raise click.UsageError("--strict needs --offline: write `modelgen lock --offline --strict`")
    inputs = read_inputs(config)
    if check:
        from modelgen.cli.lock.check import check_lock

        return check_lock(inputs, format_)
    named = frozenset(named_models(inputs, models))
    task = Task(inputs, named if models else None, named if upgrade else frozenset(), is_strict=strict)
    return lock_all(task, None if offline else partial(connect_to_hub, read_token(token_file)), format_)


def connect_to_hub(token: str | None) -> Connection:
    """Return a connection to the hub.

    Raises:
        ModelgenError: The hub's client is configured so that it cannot connect.
    """
    from modelgen.hub.connection.client import connect

    try:
        return connect(token)
    except ModelgenError as error:
        raise ModelgenError(f"{error}, or lock what the hub directory has with --offline") from error


def lock_all(task: Task, connect: partial[Connection] | None, format_: str) -> int:
    """Lock what is not locked and can be reached, print the changes and failures, and return the exit code.

    Args:
        task: The settings.
        connect: Creates the connection to the hub; None to send no request.
        format_: The output format of the changes.
    """
    from modelgen.cli.lock.report import Report

    path = task.inputs.lock_path
    found = look_up(task, connect, f"{path} is unchanged")
    resolution = found.resolution
    is_refused = task.is_strict and bool(resolution.unchecked)
    if is_refused or (resolution.faults and not resolution.has_answers):
        new, is_written = task.old, False
    else:
        new, is_written = found.lock, _write(path, found.lock)
    report = Report(path, task.old, new, resolution, found.warnings, bytes_to_fetch(task, new), is_written=is_written)
    return report.print(format_, is_strict=task.is_strict)


@dataclass(frozen=True)
class Found:
    """The result of all look-ups for a lock.

    Args:
        lock: The lock, as far as there are answers.
        resolution: How its entries were found, and the failures.
        warnings: Warnings about images.
    """

    lock: Lock
    resolution: Resolution
    warnings: list[str]


def look_up(task: Task, connect: partial[Connection] | None, unchanged: str) -> Found:
    """Look up what a lock needs; write nothing. A signal ends the process, with the sentence `unchanged`."""
    from modelgen.cli.lock.images import look_up_images
    from modelgen.lockfile.entries import Lock

    pool = ThreadPoolExecutor(1)
    try:
        images = pool.submit(
            look_up_images, task.inputs, task.old, task.moved, local_only=connect is None, only=task.only
        )
        resolution = look_up_entries(task, connect)
        lock = _complete(task, resolution, may_ask=connect is not None)
        entries, warnings = images.result()
    except KeyboardInterrupt as error:
        from modelgen.cli.interruption import exit_code

        click.echo(f"modelgen: interrupted; {unchanged}", err=True)
        sys.stderr.flush()
        os._exit(exit_code(error))  # the interpreter would wait for open requests
    finally:
        pool.shutdown(wait=False)
    return Found(Lock(snapshots=lock.snapshots, assets=lock.assets, images=entries), resolution, warnings)


def look_up_entries(task: Task, connect: partial[Connection] | None) -> Resolution:
    """Look up the entries of repositories; write nothing."""
    from modelgen.cli.lock.progress import shown
    from modelgen.cli.lock.target import target_of
    from modelgen.hub.locking.relock import Places, relock
    from modelgen.resolve.assets import wants

    with shown() as progress:
        callbacks = (progress.say, progress.asked, progress.planned, progress.hashed)
        places = Places(task.inputs.hub, connect, *callbacks, target_of(task.inputs))
        return relock(partial(wants, task.inputs.runs), task.old, task.moved, places, task.only)


def _complete(task: Task, resolution: Resolution, *, may_ask: bool) -> Lock:
    """Return the lock with the files that are on no hub, and the images."""
    from modelgen.lockfile.entries import Lock
    from modelgen.resolve.assets import outside

    lock, only, old = resolution.lock, task.only, task.old
    files = outside(task.inputs.runs, lock)
    if only is not None:
        files = {file: models for file, models in files.items() if not only.isdisjoint(models)}
    names = {file.sha256 for file in files}
    kept = [] if only is None else [asset for asset in old.assets if asset.sha256 not in names]
    if not files:
        return Lock(snapshots=lock.snapshots, assets=kept)
    from modelgen.hub.locking.elsewhere import lock_assets

    return Lock(
        snapshots=lock.snapshots, assets=[*kept, *lock_assets(files, old.assets, task.inputs.hub, may_ask=may_ask)]
    )


def bytes_to_fetch(task: Task, lock: Lock) -> int | None:
    """Return how many bytes `modelgen fetch` would download for a lock, as with --dry-run; None if it fails."""
    from modelgen.hub.cache.layout import checkouts
    from modelgen.hub.fetching.planning import plan
    from modelgen.hub.fetching.remembered import Seen
    from modelgen.resolve.assets import wants

    hub = task.inputs.hub
    entries = [entry for want in wants(task.inputs.runs, lock) if (entry := lock.find(want)) is not None]
    try:
        return plan(hub, checkouts(hub, entries), lock.assets, Seen(hub)).size
    except (ModelgenError, OSError):  # conflicting entries, or an unreadable file: `fetch` explains it
        return None


def _write(path: Path, lock: Lock) -> bool:
    """Write the lock if it differs from the file, and return whether it did."""
    from modelgen.files import Staged, locked
    from modelgen.lockfile.reading import parse_lock
    from modelgen.lockfile.writing import render_lock

    data = render_lock(lock)
    read, _ = parse_lock(data)
    assert read is not None and render_lock(read) == data, "a lock is read as it was written"  # noqa: S101, PT018
    try:
        if path.is_file() and path.read_bytes() == data:
            return False
    except OSError as error:
        raise cannot("read", path, error, "make it readable, or remove it") from error
    try:
        with locked(path.parent):
            staged = Staged(path.parent, {path.name: data})
            try:
                staged.publish(path.name)
            finally:
                staged.discard()
    except OSError as error:
        raise cannot("write", path, error, "make its directory writable") from error
    return True
