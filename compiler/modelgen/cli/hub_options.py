"""Read the hub directory and the token from models.toml and the command line."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import click

from modelgen.cli.exits import cannot
from modelgen.files import InputError, ModelgenError


def hub_directory(written: str, root: Path) -> Path:
    r"""Return the hub directory as this host finds it: relative to models.toml, `~` and Windows' `\\` understood."""
    try:
        path = Path(written.replace("\\", "/")).expanduser()
    except RuntimeError as error:
        raise InputError(f'the home directory in `hub = "{written}"` is not known here; write the path') from error
    return Path(os.path.abspath(root / path))  # noqa: PTH100 - as Compose does, before a link is followed


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
        raise ModelgenError(f"{path} holds no token: it is not text; write the token alone into it") from error
    except OSError as error:
        raise cannot("read", path, error, "name a file that holds the token") from error
    if not token or not token.isascii() or not token.isprintable() or " " in token:
        raise ModelgenError(f"{path} holds no token; write the token alone into it")
    return token
