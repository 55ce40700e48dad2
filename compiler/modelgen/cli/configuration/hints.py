"""Print what a build wrote and, on a terminal, problems of this machine and the next command."""

from __future__ import annotations

import os
import re
import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from modelgen.cli.options import find_upward
from modelgen.host_paths import is_remote

if TYPE_CHECKING:
    from modelgen.ir import Fleet
    from modelgen.output import ChangeSet

_MOST_NAMED = 3
_BRING = "run `modelgen lock`, then `modelgen fetch`"


def print_changes(changes: ChangeSet, out: Path) -> None:
    """Print on stderr what was written."""
    click.echo(f"{out.as_posix()}: {_done(changes)}", err=True)


def print_hints(fleet: Fleet, config: Path, out: Path) -> None:
    """Print on stderr hints about the hub directory, and the next command."""
    hub = next((service.hub.source for service in fleet.services if service.hub), None)
    if hub and any(service.repo for service in fleet.services) and not _is_elsewhere(hub):
        # Join the path before following links, as Compose does.
        _hint_about_hub(_seen_from_here(config, hub))
    if fleet.services and fleet.orchestrator.enabled:
        click.echo(f"next: {next_up(config, out)}", err=True)
    elif fleet.services:
        default = next((profile.name for profile in fleet.profiles if profile.default), fleet.services[0].model)
        # `--file` would leave out a docker-compose.override.yml, so the command names the directory.
        folder = shlex.quote(out.as_posix())
        click.echo(
            f"next: docker compose --project-directory {folder} --profile {default} up --detach --wait", err=True
        )


def _done(changes: ChangeSet) -> str:
    """Return what a build did, with the names of a few changed files."""
    count = len(changes.create) + len(changes.update) + len(changes.conflicts)
    done = f"{count} file{'s' if count != 1 else ''} written" if count or changes.delete else "up to date"
    if changes.update:
        names, more = changes.update[:_MOST_NAMED], len(changes.update) - _MOST_NAMED
        done += f", {len(changes.update)} changed: {', '.join(names)}{f' and {more} more' if more > 0 else ''}"
    return f"{done}, {len(changes.delete)} removed" if changes.delete else done


def next_up(config: Path, out: Path | None) -> str:
    """Return the command that runs what was built; without a build, that of the host's own programs."""
    options = [] if config == find_upward(Path()) else ["--config", config.as_posix()]
    options += [] if out in (None, config.parent / "build") else ["--out", out.as_posix()]
    return shlex.join(["modelgen", "up" if out is not None else "serve", *options])


def refuse_hub(fleet: Fleet, config: Path) -> None:
    """Refuse a hub directory that is one level off: the incident's mount.

    Raises:
        InputError: The models are in another directory near it.
    """
    hub = next((service.hub.source for service in fleet.services if service.hub), None)
    if hub is not None and not _is_elsewhere(hub):
        from modelgen.cli.hub.hub_options import refuse_misplaced

        refuse_misplaced(hub, _seen_from_here(config, hub))


def print_missing_files(fleet: Fleet, config: Path) -> None:
    """Print the files that arguments or builds name and that do not exist here; Docker refuses missing files."""
    files = {file.source: "`args` names" for service in fleet.services for file in service.files}
    files |= {
        service.build.context: "`build` names"
        for service in fleet.services
        if service.build and not is_remote(service.build.context)
    }
    for source, why in sorted(files.items()):
        path = _seen_from_here(config, source)
        try:
            is_missing = not path.expanduser().exists()
        except (OSError, RuntimeError, ValueError):
            continue
        if is_missing and not _is_elsewhere(source):
            _say(f"{path}, which {why}, does not exist; Docker does not start the model without it")


def _seen_from_here(config: Path, path: str) -> Path:
    """Return the path of a file or folder that is relative to models.toml."""
    expanded = os.path.expanduser(path)  # noqa: PTH111 - Path raises where there is no home
    return Path(os.path.normpath(config.parent / expanded))


def _is_elsewhere(path: str) -> bool:
    """Return whether a path belongs to a Windows host and this is another system."""
    return sys.platform != "win32" and re.match(r"[A-Za-z]:/", path) is not None


def _hint_about_hub(hub: Path) -> None:
    try:
        hub = hub.expanduser()
        names = [entry.name for entry in hub.iterdir()] if hub.is_dir() else None
    except (OSError, RuntimeError):
        return
    if names is None:
        _say(f"there is no hub directory at {hub}; {_BRING}")
    elif not any(name.startswith("models--") for name in names):
        _say(f"{hub} contains no model yet; {_BRING}")


def _say(text: str) -> None:
    click.echo(f"hint: {text}", err=True)
