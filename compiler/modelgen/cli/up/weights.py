"""Run the steps of `up` before the build: lock what is not locked, fetch what is missing."""

from __future__ import annotations

import sys
from functools import partial
from typing import TYPE_CHECKING

import click

from modelgen.cli.hub.hub_options import read_token
from modelgen.cli.hub.known_complete import find_hub, is_known_complete, key_in
from modelgen.cli.hub.locked import Inputs, read_inputs
from modelgen.cli.terminal import is_terminal
from modelgen.files import InputError, ModelgenError
from modelgen.sizes import of_files

if TYPE_CHECKING:
    from pathlib import Path

    from modelgen.hub.fetching.planning import Wanted


def bring_weights(config: Path, token_file: Path | None, *, yes: bool, offline: bool) -> int:
    """Lock and fetch everything that the models need; return the exit code, 0 if nothing is missing."""
    if is_known_complete(config, find_hub(config)):
        return 0
    inputs = read_inputs(config)
    if not _is_locked(inputs):
        from modelgen.cli.lock.lock import Task, connect_to_hub, lock_all

        connect = None if offline else partial(connect_to_hub, read_token(token_file))
        if code := lock_all(Task(inputs), connect, "human"):
            return code
        inputs = read_inputs(config)
    if inputs.lock is not None and any(run.model.repo is not None for run in inputs.runs.values()):
        return _fetch(inputs, config, token_file, yes=yes, offline=offline)
    if any(run.needs_hub for run in inputs.runs.values()) and not inputs.hub.is_dir():
        raise InputError(f"there is no hub directory at {inputs.hub}; create it, or correct `hub` in [project]")
    return 0


def _is_locked(inputs: Inputs) -> bool:
    from modelgen.lockfile.entries import Lock
    from modelgen.resolve.assets import wants

    lock = inputs.lock or Lock()
    return all(lock.find(want) is not None for want in wants(inputs.runs, lock))


def _fetch(inputs: Inputs, config: Path, token_file: Path | None, *, yes: bool, offline: bool) -> int:
    from modelgen.cli.hub.fetch import bring_registered
    from modelgen.cli.hub.fetch_wanted import wanted_of
    from modelgen.hub.fetching.remembered import Seen
    from modelgen.operate.docker import require_docker

    wanted = wanted_of(inputs, key_in(config))
    size = wanted.plan(Seen(wanted.hub)).size
    if size:
        require_docker()  # rather than fail after hours of downloading
        _agree(wanted, size, yes=yes, offline=offline)
    return bring_registered(inputs, wanted, read_token(token_file), "human")


def _agree(wanted: Wanted, size: int, *, yes: bool, offline: bool) -> None:
    """Ask for confirmation before a large download.

    Raises:
        ModelgenError: Nothing may be downloaded.
    """
    what = of_files(size)
    if offline:
        raise ModelgenError(
            f"{what} are missing in {wanted.hub}, and --offline does not fetch them; run `modelgen fetch` "
            "with a network"
        )
    if yes:
        return
    if not is_terminal(sys.stdin):
        raise ModelgenError(f"{what} must be downloaded to {wanted.hub}; pass --yes, or run `modelgen fetch` first")
    if not click.confirm(f"{what} must be downloaded to {wanted.hub}. Download now?", default=True, err=True):
        raise ModelgenError("nothing was downloaded, so nothing was started")
