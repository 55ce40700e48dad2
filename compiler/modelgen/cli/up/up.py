"""Implement `modelgen up`."""

from __future__ import annotations

import os
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import click

from modelgen.cli.compiling import compile_file, print_findings
from modelgen.cli.exits import FOUND, cannot
from modelgen.cli.hub.hub_options import token_option
from modelgen.cli.options import config_option, out_option

if TYPE_CHECKING:
    from collections.abc import Mapping

    from modelgen.cli.interruption import Interruption
    from modelgen.cli.up.end import Running
    from modelgen.ir import Fleet
    from modelgen.operate.changes import Changes
    from modelgen.operate.deployment import Container, Deployment
    from modelgen.pipeline import Compilation

_NOTHING_DONE = "nothing was changed"
_UNDER_WAY = "no model is held any more; run `modelgen up` again to complete the change"


@click.command("up")
@config_option
@out_option
@token_option
@click.option("--yes", is_flag=True, help="Download without asking.")
@click.option("--offline", is_flag=True, help="Use no network; fail if something is missing.")
@click.option("--no-wait", is_flag=True, help="Return when the orchestrator is ready, without waiting for models.")
@click.option("--take-over", is_flag=True, help="Replace containers that were created from another folder.")
def up_command(  # noqa: PLR0913 - its options
    config: Path,
    out: Path | None,
    token_file: Path | None,
    *,
    yes: bool,
    offline: bool,
    no_wait: bool,
    take_over: bool,
) -> int:
    """Run the models and their orchestrator in Docker, and apply changes of models.toml.

    Locks and fetches what is missing, builds, creates the containers, starts the orchestrator, and waits until the
    models that ran last (or else the default profile) are ready. After an edit, only changed models are drained and
    recreated. If it is interrupted, run it again to complete the change.

    \b
    Example:
      modelgen up
      modelgen up --yes --config prod/models.toml
      modelgen up --offline --no-wait
    """
    from modelgen.cli.interruption import interruptible

    with interruptible(_NOTHING_DONE) as interruption:
        return _up(Options(config, out, token_file, yes, offline, no_wait, take_over), interruption)


@dataclass(frozen=True)
class Options:
    """The options of the command line."""

    config: Path
    out: Path | None
    token_file: Path | None
    yes: bool
    offline: bool
    no_wait: bool
    take_over: bool


def _up(options: Options, interruption: Interruption) -> int:
    from modelgen.cli.up.checks import check_host
    from modelgen.cli.up.done import find_unchanged
    from modelgen.cli.up.end import finish
    from modelgen.cli.up.weights import bring_weights

    config = options.config
    if (left := find_unchanged(config, options.out)) is not None:
        out = config.parent / "build" if options.out is None else options.out
        return finish(left, config, out, interruption, no_wait=options.no_wait)
    check_host(config, options.out, take_over=options.take_over)
    interruption.consequence = "downloads are kept, and nothing was started; run `modelgen up` again to continue"
    if code := bring_weights(config, options.token_file, yes=options.yes, offline=options.offline):
        return code
    compilation, out = compile_file(config, options.out)
    print_findings(compilation, "human", to_stderr=True)
    if compilation.fleet is None:
        return FOUND
    return _prepare(compilation, compilation.fleet, out, options, interruption)


def _prepare(compilation: Compilation, fleet: Fleet, out: Path, options: Options, interruption: Interruption) -> int:
    from modelgen import output
    from modelgen.cli.configuration.build import refuse
    from modelgen.cli.override_notes import warn_of_override
    from modelgen.cli.state_folder import NAME
    from modelgen.cli.up.checks import require_keys
    from modelgen.cli.up.done import note_done
    from modelgen.cli.up.end import finish
    from modelgen.cli.up.images import Places, ready_images
    from modelgen.operate.changes import ORCHESTRATOR
    from modelgen.operate.deployment import Deployment

    if fleet.orchestrator.keys_file is not None:
        require_keys(Path(os.path.normpath(options.config.parent / fleet.orchestrator.keys_file)))
    try:
        conflicts = output.compare(compilation.artifacts, out)
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise cannot("read", error.filename or out, error, "choose another directory with --out") from error
    if conflicts.conflicts:
        return refuse(conflicts, out)
    warn_of_override(out, compilation.artifacts)
    deployment = Deployment(out.absolute(), fleet.project)
    found = deployment.containers()
    deployment.require_own(found, take_over=options.take_over)
    changes = _changes(compilation, fleet, deployment, found)
    if ORCHESTRATOR not in found:  # until then, the old files belong to the running containers
        _write(compilation, out)
    places = Places(out, options.config.parent / NAME)
    ready_images(fleet, changes, places, offline=options.offline)
    interruption.consequence = _UNDER_WAY
    running = _apply(compilation, fleet, options.config, deployment, changes, found)
    flag_files = [source.path for source in compilation.sources[1:]]
    note_done(options.config, deployment, str(fleet.orchestrator.listen), flag_files)
    return finish(running, options.config, out, interruption, no_wait=options.no_wait)


def _changes(compilation: Compilation, fleet: Fleet, deployment: Deployment, found: Mapping[str, Container]) -> Changes:
    from modelgen.operate.changes import ORCHESTRATOR, SOCKET_PROXY, Wanted, compare
    from modelgen.targets.orchestrator_image import image_name

    digests = deployment.digests(compilation.artifacts["docker-compose.yml"])
    images = {service.name: (service.image, service.model) for service in fleet.services}
    images |= {
        ORCHESTRATOR: (image_name(fleet.orchestrator.base_image), ""),
        SOCKET_PROXY: (fleet.orchestrator.socket_proxy_image, ""),
    }
    wanted = {name: Wanted(digests.get(name, ""), image, model) for name, (image, model) in images.items()}
    return compare(wanted, found, is_take_over=deployment.owner(found) is not None)


def _apply(  # noqa: PLR0913, PLR0917 - all that was found out
    compilation: Compilation,
    fleet: Fleet,
    config: Path,
    deployment: Deployment,
    changes: Changes,
    found: Mapping[str, Container],
) -> Running:
    from modelgen.cli.control.remote import find_orchestrator, running_url, url_of
    from modelgen.cli.up.end import Running
    from modelgen.operate.applying import Applying, apply
    from modelgen.operate.changes import ORCHESTRATOR
    from modelgen.operate.leases import Leases
    from modelgen.targets.places import ORCHESTRATOR_CONFIG

    after = url_of(str(fleet.orchestrator.listen))
    before = running_url((deployment.owner(found) or deployment.folder) / ORCHESTRATOR_CONFIG) or after
    task = Applying(
        deployment, find_orchestrator(config, before), find_orchestrator(config, after), partial(click.echo, err=True)
    )
    write = partial(_write, compilation, deployment.folder)
    returning = apply(task, changes, found, write, Leases(task.before))
    made = {service.model for service in fleet.services if service.name in changes.changed}
    is_new = ORCHESTRATOR in (*changes.new, *changes.changed) or not found[ORCHESTRATOR].is_running
    return Running(task.after, tuple(returning), frozenset(made), is_new)


def _write(compilation: Compilation, out: Path) -> None:
    from modelgen import output

    try:
        output.build(compilation.artifacts, out, force=False)
    except OSError as error:
        raise cannot("write", error.filename2 or error.filename or out, error, "fix that and run it again") from error
