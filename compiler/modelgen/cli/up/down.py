"""Implement `modelgen down`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from modelgen.cli.compiling import compile_file, print_findings
from modelgen.cli.exits import FOUND
from modelgen.cli.options import config_option, out_option

if TYPE_CHECKING:
    from pathlib import Path

    from modelgen.ir import Fleet
    from modelgen.operate.deployment import Deployment


@click.command("down")
@config_option
@out_option
@click.option("--take-over", is_flag=True, help="Also remove containers that were created from another folder.")
@click.option(
    "--volumes", is_flag=True, help="Also remove the volumes of modelgen: compile caches and the orchestrator's state."
)
def down_command(config: Path, out: Path | None, *, take_over: bool, volumes: bool) -> int:
    """Stop the models and their orchestrator, and remove their containers and networks.

    Weights, caches and the orchestrator's state are kept; `modelgen up` starts the same models again. With --volumes,
    models compile again at their next start, and the default profile is loaded. Volumes that you named are kept.

    \b
    Example:
      modelgen down
      modelgen down --volumes
    """
    from modelgen.cli.interruption import interruptible
    from modelgen.files import ModelgenError
    from modelgen.operate.changes import OLD_SOCKET_PROXY, is_old_socket_proxy
    from modelgen.operate.deployment import Deployment

    compilation, out = compile_file(config, out)
    if compilation.fleet is None:
        print_findings(compilation, "human", to_stderr=True)
        return FOUND
    if not (out / "docker-compose.yml").is_file():
        raise ModelgenError(f"there is no {out / 'docker-compose.yml'}; pass the output directory with --out")
    deployment = Deployment(out.absolute(), compilation.fleet.project)
    found = deployment.containers()
    deployment.require_own(found, take_over=take_over)
    with interruptible("some containers may remain; run `modelgen down` again"):
        deployment.down()
        if any(is_old_socket_proxy(one) for one in found.values()):
            deployment.remove_network(OLD_SOCKET_PROXY)
        removed, kept = _remove_volumes(deployment, compilation.fleet) if volumes else ([], [])
    names = ", ".join(sorted(one.name for one in found.values()))
    click.echo(f"removed {names}" if found else f"the project `{deployment.project}` had no containers")
    if volumes:
        click.echo(f"removed the volumes {', '.join(removed)}" if removed else "there were no volumes of modelgen")
    if kept:
        click.echo(f"kept the volumes {', '.join(kept)}; `docker volume rm` removes them")
    return 0


def _remove_volumes(deployment: Deployment, fleet: Fleet) -> tuple[list[str], list[str]]:
    """Remove the volumes of modelgen; return their names, and those of other volumes of the project."""
    from modelgen.targets.compose import own_volumes

    own, there = {*own_volumes(fleet).values()}, sorted(deployment.volumes())
    removed = [name for name in there if name in own]
    if removed:
        deployment.remove_volumes(removed)
    return removed, [name for name in there if name not in own]
