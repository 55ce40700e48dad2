"""Merge a user's `compose` table into a service."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from modelgen.engines.places import normal_target, target_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

LOGGING = {"driver": "json-file", "options": {"max-size": "10m", "max-file": "3"}}


def joined_networks(ours: Iterable[str], added: Mapping[str, Any]) -> list[str] | dict[str, Any]:
    """Return a service's networks: a list, or a mapping where the user says more of one."""
    networks = {**{name: {} for name in ours}, **added.get("networks", {})}
    return networks if any(networks.values()) else list(networks)


def merged_security_opt(ours: Iterable[str], added: Mapping[str, Any]) -> list[str]:
    """The user's own word on new privileges or labels goes before ours; both together would be a contradiction."""
    theirs = added.get("security_opt", [])
    kept = [option for option in ours if not any(other.startswith(re.split("[:=]", option)[0]) for other in theirs)]
    return list(dict.fromkeys([*kept, *theirs]))


def mounts_at(target: str, added: Mapping[str, Any]) -> bool:
    """Return whether the user mounts something of their own at a place: Compose refuses two at one."""
    mounts = [*added.get("volumes", ()), *added.get("tmpfs", ())]
    return any(
        target == (target_of(mount) if isinstance(mount, str) else normal_target(mount["target"])) for mount in mounts
    )


def named_volumes(added: Mapping[str, Any]) -> list[str]:
    """Return the names of the named volumes that are mounted."""
    return [source for volume in added.get("volumes", ()) if (source := _named_source(volume))]


def _named_source(volume: str | Mapping[str, Any]) -> str | None:
    if not isinstance(volume, str):
        return volume.get("source") if volume["type"] == "volume" else None
    source, colon, _ = volume.partition(":")
    is_path = source.startswith((".", "/", "~")) or (len(source) == 1 and volume[2:3] in ("/", "\\"))
    return source if colon and not is_path else None
