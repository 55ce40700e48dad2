"""`modelgen init`."""

from __future__ import annotations

from pathlib import Path

import click

from modelgen.cli.exits import cannot
from modelgen.files import ModelgenError, create

_STARTER = Path(__file__).parent / "starter.toml"


@click.command("init")
@click.option(
    "--config",
    type=click.Path(path_type=Path),
    default=Path("models.toml"),
    show_default=True,
    help="The file to write.",
)
def command(config: Path) -> int:
    """Write a commented models.toml that builds as it is; never overwrites one.

    \b
    Example:
      modelgen init
    """
    try:
        create(config, _STARTER.read_bytes())
    except FileExistsError as error:
        raise ModelgenError(f"{config} is there already; edit it, or name another file by --config") from error
    except OSError as error:
        raise cannot("write", config, error, "make its directory writable, or name another file by --config") from error
    click.echo(f"wrote {config}; edit it, then run `modelgen build`", err=True)
    return 0
