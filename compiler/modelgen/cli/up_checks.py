"""What `up` looks at before it downloads, builds or creates anything: the cheap part of `doctor`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from modelgen.files import ModelgenError

if TYPE_CHECKING:
    from pathlib import Path

    from modelgen.cli.locked import Inputs
    from modelgen.operate.doctor import Finding, Host


def check_host(config: Path, out: Path | None, *, take_over: bool) -> None:
    """Look whether this host can run what models.toml asks for; what may go wrong later is a warning on stderr.

    Raises:
        ModelgenError: It cannot; the message says what mends it.
    """
    from modelgen.cli.locked import read_inputs
    from modelgen.operate.deployment import Deployment
    from modelgen.operate.docker import require_docker
    from modelgen.operate.doctor import Host, Wanted, examine_for_up

    inputs = read_inputs(config)
    folder = (config.parent / "build" if out is None else out).absolute()
    require_docker()
    host, wanted = Host(), Wanted(inputs.document, inputs.hub)
    if wanted.project is not None:
        deployment = Deployment(folder, wanted.project)
        deployment.require_own(deployment.containers(), take_over=take_over)
    for found in examine_for_up(host, wanted, is_complete=_is_complete(config, host, inputs)):
        if found.state == "warning":
            click.echo(f"warning: {_sentence(found)}", err=True)
        if found.state == "bad" and not (found.subject == "toolkit" and _is_without_cards(config, folder, host)):
            raise ModelgenError(_sentence(found))


def _is_complete(config: Path, host: Host, inputs: Inputs) -> bool:
    """Tell whether all weights and the models' images are here, so that nothing needs room."""
    from modelgen.cli.up_weights import is_known_complete
    from modelgen.engines.resolve import resolve

    references = [resolve(inputs.document, name).reference for name in inputs.document.models]
    images = sorted({reference for reference in references if reference})
    return is_known_complete(config) and host.run("docker", "image", "inspect", "--format", "{{.Id}}", *images).is_good


def _sentence(found: Finding) -> str:
    return f"{found.message}; {found.help}" if found.help else found.message


def _is_without_cards(config: Path, folder: Path, host: Host) -> bool:
    """Tell whether the user's override takes all cards back, so that Docker need not be able to give any."""
    from modelgen.cli.compiling import compile_file
    from modelgen.operate.doctor import find_override, takes_all_cards

    override = find_override(folder)
    if override is None:
        return False
    compilation, _ = compile_file(config, folder)
    return compilation.fleet is not None and takes_all_cards(
        host, override, compilation.artifacts["docker-compose.yml"]
    )
