"""A rate on the command line, such as `50MB/s`."""

from __future__ import annotations

import click


def parse_rate(_: click.Context, __: click.Parameter, value: str | None) -> int | None:
    """Return the bytes a second that an option means, with the units of models.toml; None without it."""
    if value is None:
        return None
    from pydantic_core import PydanticCustomError

    from modelgen.config.units import parse_size

    size, separator, per = value.strip().rpartition("/")
    try:
        if not separator or per.strip() != "s":
            raise click.BadParameter(f"`{value}` is not a rate: write a number, a unit and `/s`, such as 50MB/s")
        return parse_size(size.strip().replace("kB", "KB"))
    except PydanticCustomError as error:
        raise click.BadParameter(
            f"`{value}` is not a rate: write a positive number, a unit and `/s`, such as 50MB/s or 1.5 MiB/s"
        ) from error
