"""Define the mount targets in a container, and parse those of the user's own entries."""

from __future__ import annotations

import posixpath
import re

HUB_HOME = "/root/.cache/huggingface"
# For accounts other than root, which cannot read /root.
OPEN_HUB_HOME = "/huggingface"
# Files beside models.toml that arguments name.
FILES = "/modelgen"

HUBS = (f"{HUB_HOME}/hub", f"{OPEN_HUB_HOME}/hub")
HUB_PLACEHOLDER = "{hub}"

_SHORT_VOLUME = re.compile(r"(?:(?:[A-Za-z]:[/\\])?[^:]*:)?(/[^:]*)(?::[^:]*)?")


def cache_label(path: str) -> str:
    """Return the part of a volume's name that says which directory of the container it keeps."""
    return re.sub(r"[^a-z0-9]+", "-", path.lower()).strip("-")


def target_of(entry: str) -> str:
    """Return the target of a short entry of `volumes` or `tmpfs`: `source:/target:options`, `/target`."""
    return normal_target((_SHORT_VOLUME.fullmatch(entry) or [entry, entry])[1])


def normal_target(target: str) -> str:
    """Return a path in the container without `..` and doubled slashes."""
    return "/" + posixpath.normpath(target).lstrip("/")
