"""Check the user's own volumes: their places in the container."""

from __future__ import annotations

from typing import TYPE_CHECKING

from modelgen.engines import places

if TYPE_CHECKING:
    from modelgen.config.compose_types import Volume


def target_of(mount: str | Volume) -> str:
    """Return where in the container a volume is, without `..` and doubled slashes."""
    return places.target_of(mount) if isinstance(mount, str) else places.normal_target(mount.target)
