"""`modelgen lock`."""

from __future__ import annotations

import os
import sys
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import TYPE_CHECKING

import click

from modelgen.cli.compiling import config_option
from modelgen.cli.exits import cannot
from modelgen.cli.locked import Inputs, named_models, read_inputs, read_token, token_option
from modelgen.files import ModelgenError

if TYPE_CHECKING:
    from collections.abc import Collection
    from pathlib import Path

    from modelgen.hub.client import Connection
    from modelgen.hub.locking.resolve import Resolution
    from modelgen.lockfile.entries import Lock


@click.command("lock")
@config_option
@token_option
@click.option(
    "--upgrade", is_flag=True, help="Move the commits, of all models or of those named, and say what changes."
)
@click.option(
    "--check", is_flag=True, help="Write nothing, ask nobody; exit 4 if models.toml and models.lock disagree."
)
@click.option("--offline", is_flag=True, help="Ask nobody: lock what the hub directory has, after hashing it.")
@click.option(
    "--format",
    "format_",
    type=click.Choice(("human", "json")),
    default="human",
    show_default=True,
    help="How the changes look.",
)
@click.argument("models", nargs=-1, metavar="[MODEL]...")
def command(  # noqa: PLR0913 - its options
    config: Path,
    token_file: Path | None,
    models: tuple[str, ...],
    *,
    upgrade: bool,
    check: bool,
    offline: bool,
    format_: str,
) -> int:
    """Write models.lock: commits, sizes and hashes of all that models.toml needs.

    What is locked already stays as it is. Weights are not fetched.

    \b
    Example:
      modelgen lock
      modelgen lock --upgrade text-4b
      modelgen lock --check
      modelgen lock --offline
    """
    if check and (upgrade or offline):
        raise click.UsageError(
            "--check writes nothing and asks nobody; --upgrade and --offline have no meaning beside it"
        )
    if models and not upgrade:
        raise click.UsageError(f"models are named only to --upgrade them: `modelgen lock --upgrade {' '.join(models)}`")
    inputs = read_inputs(config)
    if check:
        from modelgen.cli.lock_check import check_lock

        return check_lock(inputs, format_)
    moved = frozenset(named_models(inputs, models)) if upgrade else frozenset[str]()
    return lock_all(inputs, moved, None if offline else partial(connect_to_hub, read_token(token_file)), format_)


def connect_to_hub(token: str | None) -> Connection:
    """Return a connection to the hub.

    Raises:
        ModelgenError: The hub's client is set up so that there is none.
    """
    from modelgen.hub.client import connect

    try:
        return connect(token)
    except ModelgenError as error:
        raise ModelgenError(f"{error}, or lock what the hub directory has by --offline") from error


def lock_all(inputs: Inputs, moved: Collection[str], connect: partial[Connection] | None, format_: str) -> int:
    """Lock what is not locked, say what changes, and return the exit code.

    Args:
        inputs: See there.
        moved: Models whose commits are to move.
        connect: Makes the connection to the hub; None to ask nobody.
        format_: How the changes look.
    """
    from modelgen.cli.lock_images import look_up_images
    from modelgen.cli.lock_report import Report, print_faults
    from modelgen.lockfile.entries import Lock

    old = inputs.lock or Lock()
    pool = ThreadPoolExecutor(1)
    try:
        images = pool.submit(look_up_images, inputs.document, old, moved, local_only=connect is None)
        resolution = _resolve(inputs, old, moved, connect)
        if resolution.faults:
            return print_faults(resolution, inputs.lock_path)
        new = _complete(inputs, old, resolution, may_ask=connect is not None)
        entries, warnings = images.result()
    except KeyboardInterrupt as error:
        from modelgen.cli.interruption import exit_code

        click.echo(f"modelgen: interrupted; {inputs.lock_path} is left as it is", err=True)
        sys.stderr.flush()
        os._exit(exit_code(error))  # the interpreter would wait for requests that are under way
    finally:
        pool.shutdown(wait=False)
    new = Lock(snapshots=new.snapshots, assets=new.assets, images=entries)
    is_written = _write(inputs.lock_path, new)
    Report(inputs.lock_path, old, new, resolution, warnings, is_written=is_written).print(format_)
    return 0


def _resolve(inputs: Inputs, old: Lock, moved: Collection[str], connect: partial[Connection] | None) -> Resolution:
    from modelgen.cli.lock_progress import shown
    from modelgen.engines.assets import wants
    from modelgen.hub.locking.resolve import Places, resolve

    with shown() as progress:
        places = Places(inputs.hub, connect, progress.say, progress.asked, progress.planned, progress.hashed)
        return resolve(partial(wants, inputs.document), old, moved, places)


def _complete(inputs: Inputs, old: Lock, resolution: Resolution, *, may_ask: bool) -> Lock:
    """Return the lock with what is on no hub."""
    from modelgen.engines.assets import outside
    from modelgen.lockfile.entries import Lock

    lock = resolution.lock
    files = outside(inputs.document, lock)
    if not files:
        return lock
    from modelgen.hub.locking.elsewhere import lock_assets

    return Lock(snapshots=lock.snapshots, assets=lock_assets(files, old.assets, inputs.hub, may_ask=may_ask))


def _write(path: Path, lock: Lock) -> bool:
    """Write the lock if that changes anything, and tell whether it did."""
    from modelgen.files import Staged, locked
    from modelgen.lockfile.reading import parse_lock
    from modelgen.lockfile.writing import render_lock

    data = render_lock(lock)
    read, _ = parse_lock(data)
    assert read is not None and render_lock(read) == data, "a lock is read as it was written"  # noqa: S101, PT018
    try:
        if path.is_file() and path.read_bytes() == data:
            return False
        with locked(path.parent):
            staged = Staged(path.parent, {path.name: data})
            try:
                staged.publish(path.name)
            finally:
                staged.discard()
    except OSError as error:
        raise cannot("write", path, error, "make its directory writable") from error
    return True
