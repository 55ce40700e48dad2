"""Lower the keys that the user adds to a service of one target."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from modelgen.engines.images.places import normal_target, target_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from modelgen.load import Document
    from modelgen.load.locator import Path


def additions(document: Document, path: Path) -> dict[str, dict[str, Any]]:
    """Return the keys of the `compose` table at `path`, by target."""
    keys = document.compose.get(path)
    return {} if keys is None else {"compose": keys.model_dump(exclude_none=True)}


def own_targets(added: Mapping[str, Any]) -> frozenset[str]:
    """Return the mount targets of the user's own volumes and tmpfs."""
    mounts = [*added.get("volumes", ()), *added.get("tmpfs", ())]
    return frozenset(
        normal_target(mount["target"]) if isinstance(mount, dict) else target_of(str(mount)) for mount in mounts
    )
