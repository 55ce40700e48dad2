"""Define the exit codes and the errors that end a command."""

from __future__ import annotations

from typing import TYPE_CHECKING

from modelgen.files import ModelgenError, was_reading

if TYPE_CHECKING:
    from pathlib import Path

FOUND = 1
WORLD = 3
OUT_OF_DATE = 4
INTERNAL = 70
INTERRUPTED = 130
UNREAD = 141

MEANINGS = {
    0: "Success. Warnings do not change it.",
    FOUND: "At least one error in the files, edited files that a build does not overwrite, or a models.lock or hub "
    "directory that a command needs and that is not there yet.",
    2: "Wrong usage: an unknown command or option, or a missing argument.",
    WORLD: "A failure outside the files: no models.toml, no permission, no network, no Docker, a full disk. The "
    "message names the next step.",
    OUT_OF_DATE: "Out of date: `--check` and `diff` found a difference.",
    INTERNAL: "A bug in modelgen. Only this one prints a traceback.",
    129: "Ended by SIGHUP, as when a terminal is closed.",
    INTERRUPTED: "Ended by Ctrl-C.",
    UNREAD: "The reader of the output closed it, as in `modelgen rules | head -1`.",
    143: "Ended by SIGTERM.",
}
"""The exit codes of all commands."""


def cannot(action: str, path: Path | str, error: OSError, way_out: str) -> ModelgenError:
    """Return the error for a failed system call; a failed write may have been a read of the old contents."""
    if action in ("change", "write") and was_reading(error, path):
        action, way_out = "read", "make it readable and run it again"
    return ModelgenError(f"cannot {action} {path}: {(error.strerror or str(error)).lower()}; {way_out}")
