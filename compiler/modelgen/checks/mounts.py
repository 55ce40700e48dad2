"""Where the user's own volumes are in a container."""

from __future__ import annotations

import posixpath
import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from modelgen.config.compose_types import Volume

_SHORT_VOLUME = re.compile(r"(?:(?:[A-Za-z]:[/\\])?[^:]*:)?(/[^:]*)(?::[^:]*)?")


def target_of(mount: str | Volume) -> str:
    """Return where in the container a volume is, without `..` and doubled slashes."""
    target = mount.target if not isinstance(mount, str) else (_SHORT_VOLUME.fullmatch(mount) or [mount, mount])[1]
    return "/" + posixpath.normpath(target).lstrip("/")
