"""`modelgen init`."""

from __future__ import annotations

from pathlib import Path

import click

from modelgen.cli.compiling import config_option
from modelgen.cli.exits import WorldError, cannot

_STARTER = Path(__file__).parent / "starter.toml"


@click.command("init")
@config_option
def command(config: Path) -> int:
    """Write a commented models.toml that builds as it is; never overwrites one.

    \b
    Example:
      modelgen init
    """
    try:
        with config.open("xb") as file:
            file.write(_STARTER.read_bytes())
    except FileExistsError as error:
        raise WorldError(f"{config} is there already; edit it, or name another file by --config") from error
    except OSError as error:
        raise cannot("write", config, error, "make its directory writable, or name another file by --config") from error
    click.echo(f"wrote {config}; edit it, then run `modelgen build`", err=True)
    return 0
