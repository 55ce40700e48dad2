"""Manage `.modelgen/` beside models.toml: state that commands keep between runs, ignored by git."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING

from modelgen.cli.exits import cannot

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

NAME = ".modelgen"
UP_DONE = "up-done.json"
"""The record of the last `up`."""


def write_state(folder: Path, contents: Mapping[str, bytes]) -> None:
    """Write files into the folder. Only its owner may read it: a manifest contains the models' `env`."""
    from modelgen.files import Staged

    contents = {
        name: data
        for name, data in {**contents, ".gitignore": b"*\n"}.items()
        if not _holds(folder / name, data)  # so that a full disk does not prevent a start
    }
    if not contents:
        return
    try:
        folder.mkdir(mode=0o700, exist_ok=True)
        staged = Staged(folder, contents)
        try:
            for name in contents:
                staged.publish(name)
        finally:
            staged.discard()
    except OSError as error:
        raise cannot("write", error.filename or folder, error, "free some space or make the folder writable") from error


def is_output(config: Path, folder: Path) -> bool:
    """Return whether the last `up` of a models.toml created its containers from this output directory."""
    try:
        rows = json.loads((config.parent / NAME / UP_DONE).read_bytes())["containers"].values()
        return any(os.path.realpath(row[2]) == os.path.realpath(folder) for row in rows)
    except (OSError, ValueError, LookupError, TypeError, AttributeError):
        return False


def _holds(path: Path, data: bytes) -> bool:
    try:
        return path.read_bytes() == data
    except OSError:
        return False
