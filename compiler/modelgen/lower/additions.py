"""Lower the user's own keys of a target's service, with paths relative to the output directory."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from modelgen.engines.places import normal_target, target_of
from modelgen.lower.paths import from_output

if TYPE_CHECKING:
    from collections.abc import Mapping

    from modelgen.load import Document
    from modelgen.load.locator import Path

_RELATIVE_BIND = re.compile(r"(\.{1,2}(?:[/\\][^:]*)?)(:.*)")


def additions(document: Document, path: Path, root_from_out: str) -> dict[str, dict[str, Any]]:
    """Return what the `compose` table at `path` adds, or nothing."""
    keys = document.compose.get(path)
    if keys is None:
        return {}
    written = keys.model_dump(exclude_none=True)
    if "volumes" in written:
        written["volumes"] = [_volume(volume, root_from_out) for volume in written["volumes"]]
    return {"compose": written}


def own_targets(added: Mapping[str, Any]) -> frozenset[str]:
    """Return where the user's own volumes and tmpfs are in the container."""
    mounts = [*added.get("volumes", ()), *added.get("tmpfs", ())]
    return frozenset(
        normal_target(mount["target"]) if isinstance(mount, dict) else target_of(str(mount)) for mount in mounts
    )


def _volume(volume: str | dict[str, Any], root_from_out: str) -> str | dict[str, Any]:
    if isinstance(volume, dict):
        if volume["type"] != "bind" or not isinstance(volume.get("source"), str):
            return volume
        return {**volume, "source": from_output(volume["source"], root_from_out)}
    match = _RELATIVE_BIND.fullmatch(volume)
    return from_output(match[1], root_from_out) + match[2] if match else volume
