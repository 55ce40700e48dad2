"""Merge a user's `compose` table into a service."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from modelgen.engines.images.places import normal_target, target_of
from modelgen.host_paths import host_path, is_remote

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from modelgen import ir

_RELATIVE_BIND = re.compile(r"(\.{1,2}(?:[/\\][^:]*)?)(:.*)")
LOGGING = {"driver": "json-file", "options": {"max-size": "10m", "max-file": "3"}}


def cache_key(project: str, volume: ir.Volume) -> str:
    """Return the key of a cache volume. Its name on the host is explicit.

    So an `include` of the file in another project creates no second volume.
    """
    return volume.name.removeprefix(f"{project}-")


def build_of(build: ir.Build, root: str) -> dict[str, Any]:
    """Return the build of an image; the context is relative to the output directory.

    Args:
        build: The build.
        root: POSIX path from the output directory to the folder of models.toml.
    """
    context = build.context if is_remote(build.context) else host_path(build.context, root)
    others = {"dockerfile": build.dockerfile, "target": build.target, "args": dict(build.args)}
    return {"context": context, **{key: value for key, value in others.items() if value}}


def joined_networks(ours: Iterable[str], added: Mapping[str, Any]) -> list[str] | dict[str, Any]:
    """Return a service's networks: a list, or a mapping if the user sets options of one."""
    networks = {**{name: {} for name in ours}, **added.get("networks", {})}
    return networks if any(networks.values()) else list(networks)


def mounts_at(target: str, added: Mapping[str, Any]) -> bool:
    """Return whether the user has a mount at a target: Compose refuses two mounts at one target."""
    mounts = [*added.get("volumes", ()), *added.get("tmpfs", ())]
    return any(
        target == (target_of(mount) if isinstance(mount, str) else normal_target(mount["target"])) for mount in mounts
    )


def added_volumes(added: Mapping[str, Any], root: str) -> list[str | dict[str, Any]]:
    """Return the user's volumes, with sources relative to the output directory.

    Args:
        added: The user's keys.
        root: POSIX path from the output directory to the folder of models.toml.
    """
    return [_volume(volume, root) for volume in added.get("volumes", ())]


def _volume(volume: str | dict[str, Any], root: str) -> str | dict[str, Any]:
    if isinstance(volume, dict):
        if volume["type"] != "bind" or not isinstance(volume.get("source"), str):
            return volume
        return {**volume, "source": host_path(volume["source"], root)}
    match = _RELATIVE_BIND.fullmatch(volume)
    return host_path(match[1], root) + match[2] if match else volume


def named_volumes(added: Mapping[str, Any]) -> list[str]:
    """Return the names of the named volumes that are mounted."""
    return [source for volume in added.get("volumes", ()) if (source := _named_source(volume))]


def _named_source(volume: str | Mapping[str, Any]) -> str | None:
    if not isinstance(volume, str):
        return volume.get("source") if volume["type"] == "volume" else None
    source, colon, _ = volume.partition(":")
    is_path = source.startswith((".", "/", "~")) or (len(source) == 1 and volume[2:3] in ("/", "\\"))
    return source if colon and not is_path else None
