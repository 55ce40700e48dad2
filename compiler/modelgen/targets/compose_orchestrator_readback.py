"""Check docker-compose.yml for the orchestrator and the socket proxy, above all their access."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from modelgen import ir
from modelgen.targets.compose_additions import added_volumes
from modelgen.targets.compose_orchestrator import NETWORKS, PORT, STATE_VOLUME
from modelgen.targets.compose_security import cap_drop, memory_limit, orchestrator_limits, security_opt
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

if TYPE_CHECKING:
    from collections.abc import Mapping

_DEVICES = ("deploy", "gpus", "runtime")
_MEASURING = {
    "resources": {
        "reservations": {"devices": [{"driver": "nvidia", "count": "all", "capabilities": ["gpu", "utility"]}]}
    }
}
_OF_SOCKET_PROXY = (
    "image",
    "container_name",
    "networks",
    "ports",
    "user",
    "read_only",
    "cap_drop",
    "cap_add",
    "security_opt",
    "volumes",
    "entrypoint",
    "command",
    "restart",
    "privileged",
    "network_mode",
    "mem_limit",
    *_DEVICES,
)
_OF_ORCHESTRATOR = (
    "image",
    "build",
    "container_name",
    "entrypoint",
    "command",
    "depends_on",
    "ports",
    "volumes",
    "environment",
    "restart",
    "privileged",
    "network_mode",
    "read_only",
    "cap_drop",
    "cap_add",
    "security_opt",
    "stop_grace_period",
    "ulimits",
    "mem_limit",
    *_DEVICES,
)


def own_services(fleet: ir.Fleet) -> tuple[str, ...]:
    """Return the names of the services other than the models'."""
    return ("orchestrator", "socket-proxy") if fleet.orchestrator.enabled else ()


def expected_services(fleet: ir.Fleet, root: str) -> dict[str, dict[str, Any]]:
    """Return the keys that these services must have. They must have no other key that `looked_at` returns."""
    if not fleet.orchestrator.enabled:
        return {}
    own, added = fleet.orchestrator, fleet.orchestrator.additions.get("compose", {})
    folders = [(f"./{ORCHESTRATOR_CONFIG}", CONFIG_MOUNT)]
    if (keys := keys_folder(own, root)) is not None:
        folders.append((keys, KEYS_MOUNT))
    bind = {"create_host_path": False, **({"selinux": "z"} if own.relabelled else {})}
    state = {"type": "volume", "source": STATE_VOLUME, "target": STATE_MOUNT}
    orchestrator = {
        "image": image_name(own.base_image),
        "build": {"context": f"./{ORCHESTRATOR}", "args": {"BASE": own.base_image}},
        "container_name": f"{fleet.project}-orchestrator",
        "command": [f"{CONFIG_MOUNT}/manifest.json", "--state", STATE_MOUNT, "--bind", f"0.0.0.0:{PORT}"],
        "depends_on": ["socket-proxy"],
        "ports": [{"host_ip": own.listen.host, "published": str(own.listen.port), "target": PORT}],
        "volumes": [*(_mount(*folder, bind) for folder in folders), state, *added_volumes(added, root)],
        "environment": {"DOCKER_HOST": "tcp://socket-proxy:2375"},
        "restart": "unless-stopped",
        "read_only": added.get("read_only", own.security.read_only),
        "cap_drop": cap_drop(own.security, added),
        "security_opt": security_opt(own.security, added),
        "stop_grace_period": added.get("stop_grace_period", f"{own.stop_grace}s"),
        "ulimits": added.get("ulimits", orchestrator_limits(own)),
        "mem_limit": added.get("mem_limit", memory_limit(own.memory)),
        **({"cap_add": added["cap_add"]} if "cap_add" in added else {}),
        **({"deploy": _MEASURING} if own.gpu_stats else {}),
    }
    place = {"source": own.socket, "target": "/var/run/docker.sock"}
    socket = {"type": "bind", **place, "bind": {"create_host_path": False}}
    socket_proxy = {
        "image": own.socket_proxy_image,
        "container_name": f"{fleet.project}-socket-proxy",
        "networks": [ir.SOCKET_PROXY_NETWORK],
        "user": "0:0",
        "read_only": own.socket_proxy_security.read_only,
        "cap_drop": cap_drop(own.socket_proxy_security, {}),
        "security_opt": security_opt(own.socket_proxy_security, {}),
        "volumes": [
            {**socket, "bind": {"create_host_path": False}},
            _mount(f"./{SOCKET_PROXY_CONFIG}", "/etc/modelgen-socket-proxy", bind),
        ],
        "entrypoint": ["haproxy"],
        "command": ["-db", "-f", "/etc/modelgen-socket-proxy/haproxy.cfg"],
        "restart": "unless-stopped",
        "mem_limit": memory_limit(own.socket_proxy_memory),
    }
    return {"orchestrator": orchestrator, "socket-proxy": socket_proxy}


def looked_at(name: str, found: Mapping[str, Any]) -> dict[str, Any]:
    """Return the part of a parsed service that is compared with the expected one."""
    keys = _OF_SOCKET_PROXY if name == "socket-proxy" else _OF_ORCHESTRATOR
    return {key: found[key] for key in keys if key in found}


def expected_networks(fleet: ir.Fleet) -> list[str]:
    """Return the networks of the orchestrator, sorted."""
    return sorted({*NETWORKS, *fleet.orchestrator.additions.get("compose", {}).get("networks", ())})


def expected_aliases(fleet: ir.Fleet) -> dict[str, list[str]]:
    """Return the further host names of the orchestrator by network; none on that of the socket proxy."""
    added, own = fleet.orchestrator.additions.get("compose", {}).get("networks", {}), fleet.orchestrator.network_aliases
    names = {name: [*own, *((added.get(name) or {}).get("aliases") or ())] for name in expected_networks(fleet)}
    return {name: aliases for name, aliases in names.items() if aliases and name != ir.SOCKET_PROXY_NETWORK}


def aliases_in(networks: Any) -> dict[str, list[str]]:  # noqa: ANN401 - any YAML
    """Return the host names in the parsed networks of a service."""
    named = networks.items() if isinstance(networks, dict) else ()
    return {name: options["aliases"] for name, options in named if options and options.get("aliases")}


def _mount(source: str, target: str, bind: Mapping[str, Any]) -> dict[str, Any]:
    return {"type": "bind", "source": source, "target": target, "read_only": True, "bind": dict(bind)}
