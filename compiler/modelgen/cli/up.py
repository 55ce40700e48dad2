"""`modelgen up`."""

from __future__ import annotations

import os
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import click

from modelgen.cli.compiling import compile_file, config_option, out_option, print_findings
from modelgen.cli.exits import FOUND, cannot
from modelgen.cli.locked import token_option
from modelgen.files import InputError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from modelgen.ir import Fleet
    from modelgen.operate.changes import Changes
    from modelgen.operate.deployment import Container, Deployment
    from modelgen.pipeline import Compilation

_JOURNAL = "up.json"


@click.command("up")
@config_option
@out_option
@token_option
@click.option("--yes", is_flag=True, help="Download without asking.")
@click.option("--offline", is_flag=True, help="Ask no network: what is not here is an error.")
def command(config: Path, out: Path | None, token_file: Path | None, *, yes: bool, offline: bool) -> int:
    """Run the models and their orchestrator in Docker, as models.toml says now.

    Locks and fetches what is missing, builds, creates the containers and starts the orchestrator. After an edit only
    what has changed is drained and made anew. A run that was interrupted is completed by the next.

    \b
    Example:
      modelgen up
      modelgen up --yes --config prod/models.toml
      modelgen up --offline
    """
    from modelgen.cli.up_done import is_as_left
    from modelgen.cli.up_weights import bring_weights

    if is_as_left(config, out):
        return 0
    if code := bring_weights(config, token_file, yes=yes, offline=offline):
        return code
    compilation, out = compile_file(config, out)
    print_findings(compilation, "human", to_stderr=True)
    if compilation.fleet is None:
        return FOUND
    return _apply(compilation, compilation.fleet, config, out, offline=offline)


def _apply(compilation: Compilation, fleet: Fleet, config: Path, out: Path, *, offline: bool) -> int:
    from modelgen import output
    from modelgen.cli.build import refuse
    from modelgen.cli.override_notes import warn_of_override
    from modelgen.cli.up_done import note_done
    from modelgen.cli.up_images import ready_images
    from modelgen.cli.up_keys import require_keys
    from modelgen.operate.deployment import Deployment

    if not fleet.orchestrator.enabled:
        raise InputError(
            "`[orchestrator] enabled` is false, so nothing switches the models; start them by "
            f"`docker compose --project-directory {out.as_posix()} --profile … up`"
        )
    if fleet.orchestrator.keys_file is not None:
        require_keys(Path(os.path.normpath(out / fleet.orchestrator.keys_file)))
    try:
        conflicts = output.compare(compilation.artifacts, out)
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise cannot("read", error.filename or out, error, "name another directory by --out") from error
    if conflicts.conflicts:
        return refuse(conflicts, out)
    warn_of_override(out, compilation.artifacts)
    deployment = Deployment(out.absolute(), fleet.project)
    found = deployment.containers()
    changes = _changes(compilation, fleet, deployment, found)
    ready_images(compilation.artifacts, fleet, changes, out, offline=offline)
    _run(compilation, fleet, config, deployment, changes, found)
    note_done(config, deployment, str(fleet.orchestrator.listen))
    return 0


def _changes(compilation: Compilation, fleet: Fleet, deployment: Deployment, found: Mapping[str, Container]) -> Changes:
    from modelgen.operate.changes import GATE, ORCHESTRATOR, Wanted, compare
    from modelgen.targets.orchestrator_image import image_name

    digests = deployment.digests(compilation.artifacts["docker-compose.yml"])
    images = {service.name: (service.image, service.model) for service in fleet.services}
    images |= {ORCHESTRATOR: (image_name(fleet.orchestrator.base_image), ""), GATE: (fleet.orchestrator.gate_image, "")}
    wanted = {name: Wanted(digests.get(name, ""), image, model) for name, (image, model) in images.items()}
    return compare(wanted, found)


def _run(  # noqa: PLR0913, PLR0917 - all that was found out
    compilation: Compilation,
    fleet: Fleet,
    config: Path,
    deployment: Deployment,
    changes: Changes,
    found: Mapping[str, Container],
) -> None:
    from modelgen.cli.remote import find_orchestrator, running_url, url_of
    from modelgen.cli.state_folder import NAME, write_state
    from modelgen.cli.status import print_status
    from modelgen.operate.applying import Applying, apply
    from modelgen.operate.journal import Journal
    from modelgen.targets.places import ORCHESTRATOR_CONFIG

    after = url_of(str(fleet.orchestrator.listen))
    before = running_url(deployment.folder / ORCHESTRATOR_CONFIG) or after
    folder = config.parent / NAME
    task = Applying(
        deployment,
        find_orchestrator(config, before),
        find_orchestrator(config, after),
        Journal(folder / _JOURNAL, lambda data: write_state(folder, {_JOURNAL: data})),
        say=partial(click.echo, err=True),
    )
    models = {service.name: service.model for service in fleet.services}
    apply(task, changes, found, models, partial(_write, compilation, deployment.folder))
    print_status(task.after.ask("GET", "/status"))


def _write(compilation: Compilation, out: Path) -> None:
    from modelgen import output

    try:
        output.build(compilation.artifacts, out, force=False)
    except OSError as error:
        raise cannot("write", error.filename2 or error.filename or out, error, "mend that and run it again") from error
