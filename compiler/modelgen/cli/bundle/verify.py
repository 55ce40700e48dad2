"""Implement `modelgen bundle verify`, with the importer that every bundle has."""

from __future__ import annotations

from pathlib import Path

import click

from modelgen.cli.bundle.signers import signers_option


@click.command("verify")
@click.argument("folders", metavar="DIR...", nargs=-1, required=True, type=click.Path(path_type=Path))
@signers_option
@click.option("--quick", is_flag=True, help="Compare sizes only.")
def verify_command(folders: tuple[Path, ...], *, signers: Path | None, quick: bool) -> int:
    """Check a bundle, or some of its volumes, by the hash of every file, as `importer/verify.py` in it does.

    \b
    Example:
      modelgen bundle verify /media/usb/bundle
      modelgen bundle verify bundle/vol1 bundle/vol2
    """
    from modelgen_importer.verify import main

    options = [*(["--signers", str(signers)] if signers else []), *(["--quick"] if quick else [])]
    return main([*options, "--", *map(str, folders)])
