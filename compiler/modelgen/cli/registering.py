"""Commands that put something into a hub directory register the models.lock that needs it, for `modelgen prune`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from modelgen.cli.compiling import lock_path, read_lock
from modelgen.files import ModelgenError

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from modelgen.cli.locked import Inputs
    from modelgen.hub.registry import Need
    from modelgen.lockfile.entries import Lock

PRUNE = "modelgen prune"


def register_inputs(inputs: Inputs) -> None:
    """Register the lock of a command that has read it."""
    data = read_lock(inputs.config)
    if data is not None and inputs.lock is not None:
        register_lock(inputs.hub, inputs.config, data, inputs.lock)


def register_lock(hub: Path, config: Path, data: bytes, lock: Lock, more: Iterable[Need] = ()) -> None:
    """Register a lock before anything is looked for in the hub directory; wait for a `modelgen prune` that runs.

    Where the hub directory cannot be written, nothing can be pruned either, so that is only worth a note.
    """
    from modelgen.hub.holding import held, holding_command
    from modelgen.hub.registry import is_registered, register

    path = lock_path(config)
    try:
        if not more and is_registered(hub, path, data):
            return
        register(hub, path, data, lock, more)
        # It has read the registry before this entry was there, so what it leaves is looked at when it is done.
        if holding_command(hub) == PRUNE:
            with held(hub, "modelgen fetch", lambda text: click.echo(f"modelgen: {text}", err=True)):
                pass
    except (OSError, ModelgenError) as error:
        why = (error.strerror or str(error)).lower() if isinstance(error, OSError) else str(error)
        text = f"note: {path} could not be registered in {hub} ({why}); `modelgen prune` does not know what it needs"
        click.echo(f"modelgen: {text}", err=True)
