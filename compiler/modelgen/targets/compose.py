"""Render docker-compose.yml, and the files of the orchestrator."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from modelgen.host_paths import host_path
from modelgen.targets.compose_additions import (
    LOGGING,
    added_volumes,
    build_of,
    cache_key,
    joined_networks,
    named_volumes,
)
from modelgen.targets.compose_devices import device_files, groups, scratch_mounts
from modelgen.targets.compose_orchestrator import STATE_VOLUME, orchestrator_service, socket_proxy_service
from modelgen.targets.compose_security import cap_drop, engine_limits, memory_limit, security_opt
from modelgen.targets.orchestrator import orchestrator_files
from modelgen.targets.templates import copy_file, render_template
from modelgen.targets.yaml_scalars import Raw, key, scalar

if TYPE_CHECKING:
    from collections.abc import Mapping

    from modelgen import ir

PATH = "docker-compose.yml"
_OURS = frozenset(
    {"pull_policy", "shm_size", "ulimits", "init", "stop_grace_period", "logging"}
    | {"cap_drop", "security_opt", "labels", "networks", "volumes", "devices", "group_add", "tmpfs"}
)


def render(fleet: ir.Fleet, root: str) -> dict[str, bytes]:
    """Render the fleet; `root` is the POSIX path from the output directory to the folder of models.toml."""
    conditions = {service.name: _condition(service) for service in fleet.services}
    cards = {gpu.name: gpu for gpu in fleet.gpus}
    text = render_template(
        PATH,
        scalar,
        project=fleet.project,
        orchestrator=orchestrator_service(fleet, root) if fleet.orchestrator.enabled else None,
        socket_proxy=socket_proxy_service(fleet) if fleet.orchestrator.enabled else None,
        services=[_service(service, fleet.project, root, conditions, cards) for service in fleet.services],
        networks=_networks(fleet),
        volumes=_volumes(fleet),
    ).encode()
    return {PATH: text, ".gitattributes": copy_file(".gitattributes"), **orchestrator_files(fleet)}


def _condition(service: ir.Service) -> Raw:
    """Return the condition to wait for. A service without a healthcheck never becomes healthy."""
    return Raw("service_healthy" if service.readiness.probe else "service_started")


def _service(
    service: ir.Service, project: str, root: str, conditions: Mapping[str, Raw], cards: Mapping[str, ir.Gpu]
) -> dict[str, Any]:
    """Return the values that the template needs."""
    added = service.additions.get("compose", {})
    passed = {**added, **({"read_only": True} if service.security.read_only else {})}
    labels = {"modelgen.model": service.model, "modelgen.keep": "true", **added.get("labels", {})}
    return {
        "key": key(service.name),
        "image": service.image,
        "pull_policy": added.get("pull_policy", Raw("never" if service.build else "missing")),
        "container": service.container,
        "profiles": service.profiles,
        "launch_note": Raw(service.launch.note) if service.launch.note else None,
        "entrypoint": service.launch.entrypoint,
        "reservation_notes": [*_reservation_note(service, cards), *map(Raw, service.chosen)],
        "command": service.launch.command,
        "environment": [(key(name), value) for name, value in service.environment],
        "hub": _mount(service.hub, root) if service.hub else None,
        "files": [_mount(file, root) for file in service.files],
        "caches": [{"key": cache_key(project, cache), "target": cache.target} for cache in service.caches],
        "offline": service.offline,
        "volumes": added_volumes(added, root),
        "networks": joined_networks(service.networks, added),
        "publish": {"host": service.publish.host, "port": str(service.publish.port)} if service.publish else None,
        "port": service.port,
        "reserved": service.devices.ids if service.devices and service.devices.kind == "nvidia" else (),
        "runtime": "nvidia" if service.devices and service.devices.kind == "runtime" else None,
        # Compose refuses duplicate items.
        "devices": list(dict.fromkeys([*device_files(service), *added.get("devices", ())])),
        "group_add": list(dict.fromkeys([*groups(service), *map(str, added.get("group_add", ()))])),
        "tmpfs": [*scratch_mounts(service), *added.get("tmpfs", ())],
        "shm_size": added.get(
            "shm_size",
            Raw(f"{service.shm // 2**30}gb # Docker's 64 MiB are too small; `ipc: host` would override this"),
        ),
        "ulimits": added.get(
            "ulimits",
            Raw(f"{scalar(engine_limits(service))} # rootless Docker cannot raise limits: set others in `compose`"),
        ),
        "cpus": service.cpus,
        "mem_limit": Raw(memory_limit(service.host_memory)) if service.host_memory else None,
        "build": build_of(service.build, root) if service.build else None,
        "init": added.get("init", Raw("true # reaps the processes that a killed engine leaves")),
        "stop_grace_period": added.get(
            "stop_grace_period",
            Raw(f"{service.stop_grace}s # SIGKILL follows; engines release their GPU sooner"),
        ),
        "depends_on": [(key(name), conditions[name]) for name in service.depends_on],
        "probe": ("CMD", *service.readiness.probe) if service.readiness.probe else None,
        "start_period": Raw(f"{service.readiness.start_timeout}s"),
        "logging": added.get("logging", LOGGING),
        "cap_drop": cap_drop(service.security, added),
        "security_opt": security_opt(service.security, added),
        "labels": [(key(name), value) for name, value in labels.items()],
        "additions": [(key(name), value) for name, value in passed.items() if name not in _OURS],
    }


def _mount(mount: ir.Mount, root: str) -> dict[str, str]:
    return {"source": host_path(mount.source, root), "target": mount.target}


def _reservation_note(service: ir.Service, cards: Mapping[str, ir.Gpu]) -> list[Raw]:
    """Return a comment that explains the share on the command line. Names of GPUs are ids, so they cannot end it."""
    parts = [
        f"{one.memory / 2**30:.4g} GiB of the {cards[one.gpu].memory / 2**30:.4g} GiB of {one.gpu}"
        for one in service.reservations
    ]
    return [Raw(f"Reserves {' and '.join(parts)}.")] if parts else []


def _networks(fleet: ir.Fleet) -> list[dict[str, Any]]:
    """Return the fleet's networks, then the user's, which exist already: most users have one for their applications."""
    ours = {network.key: network for network in fleet.networks}
    joined = {name for added in _additions(fleet) for name in added.get("networks", {})} - set(ours)
    return [
        {
            "key": key(network.key),
            "name": network.name,
            "internal": network.internal,
            "outside": network.reaches_outside,
            "external": False,
        }
        for network in ours.values()
    ] + [{"key": key(name), "name": name, "external": True} for name in sorted(joined)]


def own_volumes(fleet: ir.Fleet) -> dict[str, str]:
    """Return the names of the orchestrator's state and of the models' caches, by their keys in the file."""
    caches = {cache_key(fleet.project, cache): cache.name for service in fleet.services for cache in service.caches}
    state = {STATE_VOLUME: f"{fleet.project}-{STATE_VOLUME}"} if fleet.orchestrator.enabled else {}
    return {**state, **caches}


def _volumes(fleet: ir.Fleet) -> list[dict[str, str]]:
    """Return the volumes of modelgen, and the user's named volumes, with names."""
    named = {source: f"{fleet.project}-{source}" for added in _additions(fleet) for source in named_volumes(added)}
    return [{"key": key(name), "name": full} for name, full in {**named, **own_volumes(fleet)}.items()]


def _additions(fleet: ir.Fleet) -> list[Mapping[str, Any]]:
    own = [fleet.orchestrator.additions] if fleet.orchestrator.enabled else []
    return [table.get("compose", {}) for table in (*own, *(service.additions for service in fleet.services))]
