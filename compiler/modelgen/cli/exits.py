"""Define the exit codes and the errors that end a command."""

from __future__ import annotations

from typing import TYPE_CHECKING

from modelgen.files import ModelgenError, was_reading

if TYPE_CHECKING:
    from pathlib import Path

FOUND = 1
"""At least one error in the files, or edited files that a build does not overwrite."""
WORLD = 3
"""A failure outside the files: no such file, no permission, a full disk. The message names the next step."""
OUT_OF_DATE = 4
"""The output is out of date."""
INTERRUPTED = 130
"""The command was ended by Ctrl-C."""
UNREAD = 141
"""The reader of the output has closed it, as in `modelgen rules | head`: 128 plus SIGPIPE, as shells write it."""
INTERNAL = 70
"""A bug in modelgen."""


def cannot(action: str, path: Path | str, error: OSError, way_out: str) -> ModelgenError:
    """Return the error for a failed system call; a failed write may have been a read of the old contents."""
    if action in ("change", "write") and was_reading(error, path):
        action, way_out = "read", "make it readable and run it again"
    return ModelgenError(f"cannot {action} {path}: {(error.strerror or str(error)).lower()}; {way_out}")
