"""Define the option that the commands which read a bundle share."""

from __future__ import annotations

from pathlib import Path

import click

signers_option = click.option(
    "--signers",
    type=click.Path(path_type=Path),
    default=None,
    metavar="FILE",
    help="Refuse a bundle that none of these people signed; a file as `ssh-keygen -Y verify` takes.",
)
