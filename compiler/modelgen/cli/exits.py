"""Define the exit codes and the errors that end a command."""

from __future__ import annotations

from typing import TYPE_CHECKING

from modelgen.files import ModelgenError, was_reading

if TYPE_CHECKING:
    from pathlib import Path

FOUND = 1
"""At least one error, or edited files that a build will not overwrite: something to mend in the files."""
WORLD = 3
"""No such file, no permission, a full disk: one sentence that says what to do."""
OUT_OF_DATE = 4
"""The output is not what models.toml says."""
INTERRUPTED = 130
"""By Ctrl-C."""
INTERNAL = 70
"""A bug of modelgen's."""


def cannot(action: str, path: Path | str, error: OSError, way_out: str) -> ModelgenError:
    """Return the sentence for a failed system call; whoever writes has to read too, and may not be able to."""
    if action in ("change", "write") and was_reading(error, path):
        action, way_out = "read", "make it readable and run it again"
    return ModelgenError(f"cannot {action} {path}: {(error.strerror or str(error)).lower()}; {way_out}")
