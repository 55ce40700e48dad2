"""What a docker-compose.yml must say of the orchestrator and of its gate: what they may reach, above all."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from modelgen import ir
from modelgen.targets.compose_orchestrator import NETWORKS, PORT, STATE_VOLUME
from modelgen.targets.orchestrator_image import image_name
from modelgen.targets.places import CONFIG_MOUNT, GATE_CONFIG, KEYS_MOUNT, ORCHESTRATOR_CONFIG, STATE_MOUNT, keys_folder

if TYPE_CHECKING:
    from collections.abc import Mapping

_OF_GATE = ("image", "networks", "ports", "user", "cap_drop", "volumes", "entrypoint", "privileged", "network_mode")
_OF_ORCHESTRATOR = (
    "image",
    "container_name",
    "ports",
    "volumes",
    "environment",
    "restart",
    "privileged",
    "cap_add",
    "stop_grace_period",
    "ulimits",
)


def own_services(fleet: ir.Fleet) -> tuple[str, ...]:
    """Return the names of the services that are there beside the models'."""
    return ("orchestrator", "gate") if fleet.orchestrator.enabled else ()


def expected_services(fleet: ir.Fleet) -> dict[str, dict[str, Any]]:
    """Return what must stand in these services; a key of theirs that is looked at and not in here must not be there."""
    if not fleet.orchestrator.enabled:
        return {}
    own, added = fleet.orchestrator, fleet.orchestrator.additions.get("compose", {})
    folders = [(f"./{ORCHESTRATOR_CONFIG}", CONFIG_MOUNT)]
    if (keys := keys_folder(own)) is not None:
        folders.append((keys, KEYS_MOUNT))
    bind = {"create_host_path": False, **({"selinux": "z"} if own.relabelled else {})}
    state = {"type": "volume", "source": STATE_VOLUME, "target": STATE_MOUNT}
    orchestrator = {
        "image": image_name(own.base_image),
        "container_name": f"{fleet.project}-orchestrator",
        "ports": [{"host_ip": own.listen.host, "published": str(own.listen.port), "target": PORT}],
        "volumes": [*(_mount(*folder, bind) for folder in folders), state, *added.get("volumes", ())],
        "environment": {"DOCKER_HOST": "tcp://gate:2375"},
        "restart": "unless-stopped",
        "stop_grace_period": added.get("stop_grace_period", f"{own.shutdown_timeout + 5}s"),
        "ulimits": added.get("ulimits", {"nofile": {"soft": 65536, "hard": 65536}}),
        **({"cap_add": added["cap_add"]} if "cap_add" in added else {}),
    }
    place = {"source": own.socket, "target": "/var/run/docker.sock"}
    socket = {"type": "bind", **place, "bind": {"create_host_path": False}}
    gate = {
        "image": own.gate_image,
        "networks": [ir.GATE_NETWORK],
        "user": "0:0",
        "cap_drop": ["ALL"],
        "volumes": [
            {**socket, "bind": {"create_host_path": False}},
            _mount(f"./{GATE_CONFIG}", "/etc/modelgen-gate", bind),
        ],
        "entrypoint": ["haproxy"],
    }
    return {"orchestrator": orchestrator, "gate": gate}


def looked_at(name: str, found: Mapping[str, Any]) -> dict[str, Any]:
    """Return the part of a service that was read back which is held against what is expected."""
    keys = _OF_GATE if name == "gate" else _OF_ORCHESTRATOR
    return {key: found[key] for key in keys if key in found}


def expected_networks(fleet: ir.Fleet) -> list[str]:
    """Return the networks that the orchestrator is on, sorted."""
    return sorted({*NETWORKS, *fleet.orchestrator.additions.get("compose", {}).get("networks", ())})


def _mount(source: str, target: str, bind: Mapping[str, Any]) -> dict[str, Any]:
    return {"type": "bind", "source": source, "target": target, "read_only": True, "bind": dict(bind)}
