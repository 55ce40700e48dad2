"""Define the mount targets inside a container, and find the user's own entries there."""

from __future__ import annotations

import posixpath
import re

HUB_HOME = "/root/.cache/huggingface"
# For whoever is not root, who cannot look into /root.
OPEN_HUB_HOME = "/huggingface"
# Files beside models.toml that arguments name.
FILES = "/modelgen"

HUBS = (f"{HUB_HOME}/hub", f"{OPEN_HUB_HOME}/hub")
HUB_PLACEHOLDER = "{hub}"

_SHORT_VOLUME = re.compile(r"(?:(?:[A-Za-z]:[/\\])?[^:]*:)?(/[^:]*)(?::[^:]*)?")


def target_of(entry: str) -> str:
    """Return where in the container a short entry of `volumes` or `tmpfs` is: `source:/target:options`, `/target`."""
    return normal_target((_SHORT_VOLUME.fullmatch(entry) or [entry, entry])[1])


def normal_target(target: str) -> str:
    """Return a place in the container without `..` and doubled slashes."""
    return "/" + posixpath.normpath(target).lstrip("/")
