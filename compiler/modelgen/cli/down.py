"""`modelgen down`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from modelgen.cli.compiling import compile_file, config_option, out_option, print_findings
from modelgen.cli.exits import FOUND

if TYPE_CHECKING:
    from pathlib import Path


@click.command("down")
@config_option
@out_option
def command(config: Path, out: Path | None) -> int:
    """Stop the models and their orchestrator, and remove their containers and networks.

    Weights, caches and the orchestrator's state stay: `modelgen up` starts what ran.

    \b
    Example:
      modelgen down
    """
    from modelgen.files import ModelgenError
    from modelgen.operate.deployment import Deployment

    compilation, out = compile_file(config, out)
    if compilation.fleet is None:
        print_findings(compilation, "human", to_stderr=True)
        return FOUND
    if not (out / "docker-compose.yml").is_file():
        raise ModelgenError(f"there is no {out / 'docker-compose.yml'}; name the directory that was built by --out")
    Deployment(out.absolute(), compilation.fleet.project).down()
    return 0
