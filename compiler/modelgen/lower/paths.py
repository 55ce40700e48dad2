"""Translate the user's paths to paths relative to the output directory."""

from __future__ import annotations

import posixpath
import re

_DRIVE = re.compile(r"[A-Za-z]:/")


def from_output(path: str, root_from_out: str) -> str:
    r"""Return a host path as it must stand in a file of the output directory.

    Windows' `\` becomes `/`, which Compose takes there too; `~` stays, for Compose knows the home of whoever calls it.
    A relative path is relative to models.toml and goes through `root_from_out`.
    """
    path = path.replace("\\", "/")
    if path.startswith(("/", "~")) or _DRIVE.match(path):
        return path
    joined = posixpath.normpath(posixpath.join(root_from_out, path))
    # Compose takes a source without a leading dot for the name of a volume in its short form.
    return joined if joined.startswith(("/", ".")) or _DRIVE.match(joined) else f"./{joined}"
