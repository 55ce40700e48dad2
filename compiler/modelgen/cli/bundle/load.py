"""Implement `modelgen bundle load`, with the importer that every bundle has."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from modelgen.cli.bundle.signers import signers_option

_FLAGS = ("dry_run", "quick", "force", "prune", "rollback")


@click.command("load")
@click.argument("folders", metavar="DIR...", nargs=-1, type=click.Path(path_type=Path))
@click.option(
    "--into", required=True, type=click.Path(path_type=Path), metavar="TARGET", help="The folder of the project."
)
@click.option(
    "--hub",
    type=click.Path(path_type=Path),
    default=None,
    metavar="PATH",
    help="The hub directory, if it is outside of TARGET: as models.toml has it.",
)
@signers_option
@click.option("--dry-run", is_flag=True, help="Print what would be done, and change nothing.")
@click.option("--quick", is_flag=True, help="Take a file of the right size for right.")
@click.option(
    "--force", is_flag=True, help="Replace files that were edited there; they are kept in .modelgen/bundle/edited."
)
@click.option("--prune", is_flag=True, help="Remove what no registered models.lock needs any more.")
@click.option("--rollback", is_flag=True, help="Put the state before the last load back.")
def load_command(folders: tuple[Path, ...], *, into: Path, **options: Any) -> int:  # noqa: ANN401 - its options
    """Load a bundle, or some of its volumes, on this host, as `importer/load.py` in it does without modelgen.

    Weights go into the hub directory, images into Docker, models.toml and its build into TARGET. Files that were edited
    there are kept and listed. It can be stopped at any moment, and run again.

    \b
    Example:
      modelgen bundle load /media/usb/bundle --into /srv/models
      modelgen bundle load --into /srv/models --rollback
    """
    from modelgen_importer.load import main

    if not folders and not options["rollback"]:
        raise click.UsageError("the folder of the bundle is missing: write it after `load`")
    given = [f"--{name.replace('_', '-')}" for name in _FLAGS if options[name]]
    for name in ("hub", "signers"):
        given += [f"--{name}", str(options[name])] if options[name] else []
    return main(["--into", str(into), *given, "--", *map(str, folders)])
