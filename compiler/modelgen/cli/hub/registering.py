"""Register the models.lock of a command that fills a hub directory, for `modelgen prune`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from modelgen.cli.compiling import lock_path, read_lock
from modelgen.files import ModelgenError

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from modelgen.cli.hub.locked import Inputs
    from modelgen.hub.cache.registry import Need
    from modelgen.lockfile.entries import Lock

PRUNE = "modelgen prune"


def register_inputs(inputs: Inputs) -> str | None:
    """Register the lock of a command that has read it; return a note if that fails."""
    data = read_lock(inputs.config)
    if data is None or inputs.lock is None:
        return None
    return register_lock(inputs.hub, inputs.config, data, inputs.lock)


def record_of_inputs(inputs: Inputs) -> dict[str, bytes]:
    """Return the lock's record in the registry, by its path in the hub directory; empty if not registered."""
    from modelgen.hub.cache.registry import record_of

    data = read_lock(inputs.config)
    return {} if data is None else record_of(inputs.hub, lock_path(inputs.config), data)


def register_lock(hub: Path, config: Path, data: bytes, lock: Lock, more: Iterable[Need] = ()) -> str | None:
    """Register a lock before the hub directory is read; wait for a running `modelgen prune`.

    Returns:
        A note if the hub directory cannot be written: nothing can be pruned there either. A command that fails for the
        same reason reports it itself.
    """
    from modelgen.hub.cache.holding import held, holding_command
    from modelgen.hub.cache.registry import is_registered, register

    path = lock_path(config)
    try:
        if not more and is_registered(hub, path, data):
            return None
        register(hub, path, data, lock, more)
        # A running prune has read the registry before this entry existed, so wait until it has ended.
        if holding_command(hub) == PRUNE:
            with held(hub, "modelgen fetch", lambda text: click.echo(f"modelgen: {text}", err=True)):
                pass
    except (OSError, ModelgenError) as error:
        why = (error.strerror or str(error)).lower() if isinstance(error, OSError) else str(error)
        return f"note: {path} could not be registered in {hub} ({why}); `modelgen prune` may remove what it needs"
    return None
