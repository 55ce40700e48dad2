"""Read the hub directory and the token from models.toml and the command line."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Any

import click

from modelgen.cli.exits import cannot
from modelgen.files import InputError, ModelgenError


def hub_directory(written: str, root: Path) -> Path:
    r"""Return the hub directory on this host: relative to models.toml, with `~` and Windows' `\\` expanded."""
    try:
        path = Path(written.replace("\\", "/")).expanduser()
    except RuntimeError as error:
        raise InputError(f'the home directory in `hub = "{written}"` is unknown; write the full path') from error
    return Path(os.path.abspath(root / path))  # noqa: PTH100 - as Compose does, before a link is followed


def refuse_misplaced(written: str, hub: Path) -> None:
    """Refuse a path that is one level off: engines would not find the models that are on disk.

    Raises:
        InputError: The models are in another directory near the one in models.toml.
    """
    from modelgen.hub_root import about_root, find_root, written_root

    if (root := find_root(hub)) is not None:
        raise InputError(f"{about_root(hub, root)}; write `{written_root(written, hub, root)}` in [project]")


def token_option(command: Any) -> Any:  # noqa: ANN401 - click's decorators
    """Add `--token-file`."""
    return click.option(
        "--token-file",
        type=click.Path(path_type=Path),
        default=None,
        help="Read the token from this file.  [default: HF_TOKEN, else the token that `hf auth login` stored]",
    )(command)


def read_token(path: Path | None) -> str | None:
    """Return the token in a file, or None without one; it is never printed."""
    if path is None:
        return None
    try:
        token = path.read_text(encoding="utf-8").strip()
    except UnicodeDecodeError as error:
        raise ModelgenError(f"{path} contains no token: it is not text; write only the token to it") from error
    except OSError as error:
        raise cannot("read", path, error, "pass a file that contains the token") from error
    if not token or not token.isascii() or not token.isprintable() or " " in token:
        raise ModelgenError(f"{path} contains no token; write only the token to it")
    return token


_SIZE = r"(?i)([\d.]+) ?(?:([KMGT])(i?)B?|B)"
_RATE = rf"{_SIZE}(?:/s)?"


def parse_rate(_: click.Context, __: click.Parameter, value: str | None) -> int | None:
    """Return the bytes per second of an option, with the units of models.toml; None without it."""
    return None if value is None else _parse(value, _RATE, "rate", "50MB/s or 1.5MiB/s")


def parse_bytes(_: click.Context, __: click.Parameter, value: str | None) -> int | None:
    """Return the bytes of an option, with the units of models.toml; None without it."""
    return None if value is None else _parse(value, _SIZE, "size", "25GB or 512MiB")


def _parse(value: str, form: str, kind: str, examples: str) -> int:
    from pydantic_core import PydanticCustomError

    from modelgen.config.units import parse_size

    match = re.fullmatch(form, value.strip(), re.ASCII)
    try:
        number, prefix, binary = match.groups("") if match else ("", "", "")
        return parse_size(f"{number}{prefix.upper()}{binary.lower()}B")
    except PydanticCustomError as error:
        raise click.BadParameter(
            f"`{value}` is not a {kind}: write a positive number and a unit, such as {examples}"
        ) from error
