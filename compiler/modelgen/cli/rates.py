"""Parse a rate such as `50MB/s`. `50M`, the form of aria2, curl and wget, means the same."""

from __future__ import annotations

import re

import click

_RATE = r"(?i)([\d.]+) ?(?:([KMGT])(i?)B?|B)(?:/s)?"


def parse_rate(_: click.Context, __: click.Parameter, value: str | None) -> int | None:
    """Return the bytes per second of an option, with the units of models.toml; None without it."""
    if value is None:
        return None
    from pydantic_core import PydanticCustomError

    from modelgen.config.units import parse_size

    match = re.fullmatch(_RATE, value.strip(), re.ASCII)
    try:
        number, prefix, binary = match.groups("") if match else ("", "", "")
        return parse_size(f"{number}{prefix.upper()}{binary.lower()}B")
    except PydanticCustomError as error:
        raise click.BadParameter(
            f"`{value}` is not a rate: write a positive number and a unit, such as 50MB/s or 1.5MiB/s"
        ) from error
