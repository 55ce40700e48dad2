"""Parse paths of the host, as users write them and as files need them."""

from __future__ import annotations

import posixpath
import re

_DRIVE = re.compile(r"[A-Za-z]:/")


def is_remote(context: str) -> bool:
    """Return whether the context of a build is the address of a git repository or an archive, and not a folder."""
    return "://" in context or context.startswith(("git@", "github.com/"))


def leads_out(path: str) -> bool:
    """Return whether a path of models.toml is outside of its folder, or may be."""
    inside = posixpath.normpath(path.replace("\\", "/"))
    return inside.startswith(("/", "~", "..")) or re.match(r"[A-Za-z]:", inside) is not None


def host_path(path: str, root: str = ".") -> str:
    r"""Return a host path as it must stand in a file.

    Windows' `\` becomes `/`, which Compose accepts there too. `~` stays, since Compose expands it to the caller's home.

    Args:
        path: A path; a relative one is relative to the folder of models.toml.
        root: POSIX path from the folder of the file to the folder of models.toml.
    """
    path = path.replace("\\", "/")
    if path.startswith(("/", "~")) or _DRIVE.match(path):
        return path
    joined = posixpath.normpath(posixpath.join(root, path))
    # In the short form of a volume, Compose takes a source without a leading dot for the name of a volume.
    return joined if joined.startswith(("/", ".")) or _DRIVE.match(joined) else f"./{joined}"
