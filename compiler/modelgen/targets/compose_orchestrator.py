"""Build the services of the orchestrator and the socket proxy, as values for the Compose template."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any

from modelgen import ir
from modelgen.targets.compose_additions import LOGGING, added_volumes, joined_networks, mounts_at
from modelgen.targets.compose_security import cap_drop, memory_limit, orchestrator_limits, security_opt
from modelgen.targets.orchestrator import socket_proxy_config
from modelgen.targets.orchestrator_image import image_name
from modelgen.targets.places import (
    CONFIG_MOUNT,
    KEYS_MOUNT,
    ORCHESTRATOR,
    ORCHESTRATOR_CONFIG,
    SOCKET_PROXY_CONFIG,
    STATE_MOUNT,
    keys_folder,
)
from modelgen.targets.yaml_scalars import Raw, key

if TYPE_CHECKING:
    from collections.abc import Mapping

PORT = 8080
STATE_VOLUME = "orchestrator-state"
NETWORKS = (ir.INTERNAL_NETWORK, ir.EDGE_NETWORK, ir.SOCKET_PROXY_NETWORK)
_SOCKET_PROXY_PORT = 2375
_SCRATCH = "/tmp"  # noqa: S108 - the container's own, in memory
_PROBE = (
    "import http.client as h; c = h.HTTPConnection('127.0.0.1', 8080, timeout=4); c.request('GET', '/healthz'); "
    "raise SystemExit(c.getresponse().status != 200)"
)
_OURS = frozenset(
    {"networks", "volumes", "labels", "logging", "cap_drop", "security_opt", "tmpfs", "read_only", "user"}
    | {"stop_grace_period", "ulimits", "mem_limit"}
)


def orchestrator_service(fleet: ir.Fleet, root: str) -> dict[str, Any]:
    """Return the values of the orchestrator's service.

    Args:
        fleet: The fleet.
        root: POSIX path from the output directory to the folder of models.toml.
    """
    own = fleet.orchestrator
    added = own.additions.get("compose", {})
    mounts = [(f"./{ORCHESTRATOR_CONFIG}", CONFIG_MOUNT)]
    if (folder := keys_folder(own, root)) is not None:
        mounts.append((folder, KEYS_MOUNT))
    return {
        "image": image_name(own.base_image),
        "context": f"./{ORCHESTRATOR}",
        "base": own.base_image,
        "container": f"{fleet.project}-orchestrator",
        "command": [f"{CONFIG_MOUNT}/manifest.json", "--state", STATE_MOUNT, "--bind", f"0.0.0.0:{PORT}"],
        "docker": f"tcp://socket-proxy:{_SOCKET_PROXY_PORT}",
        "measures": bool(own.gpu_stats),
        "captures": bool(own.capture),
        "mounts": mounts,
        "relabelled": own.relabelled,
        "state": STATE_VOLUME,
        "state_mount": STATE_MOUNT,
        "volumes": added_volumes(added, root),
        "networks": joined_networks(NETWORKS, _with_aliases(own.network_aliases, added)),
        "publish": {"host": own.listen.host, "port": str(own.listen.port)},
        "port": PORT,
        "user": added.get("user"),
        "tmpfs": [*([] if mounts_at(_SCRATCH, added) else [_SCRATCH]), *added.get("tmpfs", ())],
        "read_only": added.get("read_only", own.security.read_only),
        "probe": ("CMD", "python3", "-c", _PROBE),
        "logging": added.get("logging", LOGGING),
        "cap_drop": cap_drop(own.security, added),
        "security_opt": security_opt(own.security, added),
        "stop_grace_period": added.get("stop_grace_period", f"{own.stop_grace}s"),
        "ulimits": added.get("ulimits", orchestrator_limits(own)),
        "mem_limit": added.get("mem_limit", Raw(memory_limit(own.memory))),
        "labels": [(key(name), value) for name, value in added.get("labels", {}).items()],
        "additions": [(key(name), value) for name, value in added.items() if name not in _OURS],
    }


def _with_aliases(aliases: tuple[str, ...], added: Mapping[str, Any]) -> dict[str, Any]:
    """Return the user's keys with the orchestrator's further host names on each network that others join."""
    networks = {**{name: {} for name in NETWORKS}, **added.get("networks", {})}
    named = {
        name: {**(options or {}), "aliases": [*aliases, *((options or {}).get("aliases") or ())]}
        for name, options in networks.items()
        if aliases and name != ir.SOCKET_PROXY_NETWORK
    }
    return {**added, "networks": {**added.get("networks", {}), **named}}


def socket_proxy_service(fleet: ir.Fleet) -> dict[str, Any]:
    """Return the values of the socket proxy's service."""
    own = fleet.orchestrator
    return {
        "image": own.socket_proxy_image,
        "container": f"{fleet.project}-socket-proxy",
        "socket": own.socket,
        "config": f"./{SOCKET_PROXY_CONFIG}",
        "relabelled": own.relabelled,
        "read_only": own.socket_proxy_security.read_only,
        "cap_drop": cap_drop(own.socket_proxy_security, {}),
        "security_opt": security_opt(own.socket_proxy_security, {}),
        "logging": LOGGING,
        # Compose does not compare mounted files: a new list of names must recreate the container.
        "digest": Raw(hashlib.sha256(socket_proxy_config(fleet)).hexdigest()[:16]),
        "networks": [ir.SOCKET_PROXY_NETWORK],
        "mem_limit": Raw(memory_limit(own.socket_proxy_memory)),
    }
