"""Lower the user's own keys of a target's service."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from modelgen.engines.images.places import normal_target, target_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from modelgen.load import Document
    from modelgen.load.locator import Path


def additions(document: Document, path: Path) -> dict[str, dict[str, Any]]:
    """Return what the `compose` table at `path` adds, or nothing."""
    keys = document.compose.get(path)
    return {} if keys is None else {"compose": keys.model_dump(exclude_none=True)}


def own_targets(added: Mapping[str, Any]) -> frozenset[str]:
    """Return where the user's own volumes and tmpfs are in the container."""
    mounts = [*added.get("volumes", ()), *added.get("tmpfs", ())]
    return frozenset(
        normal_target(mount["target"]) if isinstance(mount, dict) else target_of(str(mount)) for mount in mounts
    )
