"""Compare a rendered docker-compose.yml with the fleet: YAML path → attribute of the IR."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from modelgen.host_paths import host_path
from modelgen.targets.compose import PATH
from modelgen.targets.compose_additions import added_volumes, build_of, cache_key, named_volumes
from modelgen.targets.compose_orchestrator import STATE_VOLUME
from modelgen.targets.compose_orchestrator_readback import (
    aliases_in,
    expected_aliases,
    expected_networks,
    expected_services,
    looked_at,
    own_services,
)
from modelgen.targets.compose_security import cap_drop, engine_limits, memory_limit, security_opt
from modelgen.targets.readback import RenderingError, find_difference, parse_yaml

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from modelgen import ir


def check_readback(fleet: ir.Fleet, root: str, artifacts: Mapping[str, bytes]) -> None:
    """Parse the rendered file and compare it with the fleet.

    Args:
        fleet: The fleet.
        root: POSIX path from the output directory to the folder of models.toml.
        artifacts: The rendered files.

    Raises:
        RenderingError: They differ.
    """
    try:
        _check(fleet, root, parse_yaml(artifacts[PATH]))
    except (AttributeError, KeyError, TypeError) as error:
        raise RenderingError(f"the rendered file lacks a part, or has a wrong one: {error}") from error


def _check(fleet: ir.Fleet, root: str, document: dict[str, Any]) -> None:
    _compare(fleet.project, document.get("name"), "name")
    services = document["services"]
    _compare([*own_services(fleet), *(service.name for service in fleet.services)], [*services], "services")
    for name, expected in expected_services(fleet, root).items():
        _compare(_doubled(expected), looked_at(name, services[name]), name)
    if fleet.orchestrator.enabled:
        _compare(expected_networks(fleet), sorted(services["orchestrator"]["networks"]), "orchestrator")
        _compare(_doubled(expected_aliases(fleet)), aliases_in(services["orchestrator"]["networks"]), "orchestrator")
    probed = {service.name: service.readiness.probe is not None for service in fleet.services}
    for service in fleet.services:
        found = services[service.name]
        expected = {name: value for name, read in _TABLE.items() if (value := read(service)) is not None}
        _compare(_doubled(expected), {name: found[name] for name in _TABLE if name in found}, service.name)
        _compare(_doubled(build_of(service.build, root)) if service.build else None, found.get("build"), service.name)
        waits = {name: "service_healthy" if probed[name] else "service_started" for name in service.depends_on}
        expected = {name: {"condition": condition, "required": False} for name, condition in waits.items()}
        _compare(expected, found.get("depends_on", {}), service.name)
        added = service.additions.get("compose", {})
        _compare(
            _doubled([*_mounts(service, fleet.project, root), *added_volumes(added, root)]),
            found.get("volumes", []),
            service.name,
        )
        labels = {"modelgen.model": service.model, "modelgen.keep": "true", **added.get("labels", {})}
        _compare(_doubled(labels), found["labels"], f"{service.name}.labels")
        _compare(sorted({*service.networks, *added.get("networks", ())}), sorted(found["networks"]), service.name)
    _compare(_doubled(_networks(fleet)), document["networks"], "networks")
    _compare(_doubled(_volumes(fleet)), document.get("volumes", {}), "volumes")


def _additions(fleet: ir.Fleet) -> list[Mapping[str, Any]]:
    own = [fleet.orchestrator.additions] if fleet.orchestrator.enabled else []
    return [table.get("compose", {}) for table in (*own, *(service.additions for service in fleet.services))]


def _networks(fleet: ir.Fleet) -> dict[str, Any]:
    """Return our networks, which allow only published ports, and the user's, which exist already."""
    expected: dict[str, Any] = {
        name: {"name": name, "external": True} for added in _additions(fleet) for name in added.get("networks", ())
    }
    bridge = "com.docker.network.bridge"
    for network in fleet.networks:
        options: dict[str, Any] = {}
        if network.internal:
            options = {"internal": True, "driver_opts": {f"{bridge}.inhibit_ipv4": "true"}}
        elif not network.reaches_outside:
            options = {"driver_opts": {f"{bridge}.enable_ip_masquerade": "false"}}
        expected[network.key] = {"name": network.name, **options}
    return expected


def _volumes(fleet: ir.Fleet) -> dict[str, Any]:
    names = {source: f"{fleet.project}-{source}" for added in _additions(fleet) for source in named_volumes(added)}
    names |= {STATE_VOLUME: f"{fleet.project}-{STATE_VOLUME}"} if fleet.orchestrator.enabled else {}
    names |= {cache_key(fleet.project, cache): cache.name for service in fleet.services for cache in service.caches}
    return {key: {"name": name} for key, name in names.items()}


def _compare(expected: Any, found: Any, place: str) -> None:  # noqa: ANN401 - any YAML
    if different := find_difference(expected, found, place):
        raise RenderingError(f"the rendered file differs from what it was rendered from: {different}")


def _doubled(value: Any) -> Any:  # noqa: ANN401 - any YAML
    """Return a value with `$` doubled, as Compose reads it; keys are unchanged."""
    if isinstance(value, str):
        return value.replace("$", "$$")
    if isinstance(value, dict):
        return {name: _doubled(item) for name, item in value.items()}
    return [_doubled(item) for item in value] if isinstance(value, list) else value


def _mounts(service: ir.Service, project: str, root: str) -> list[dict[str, Any]]:
    mounts: list[dict[str, Any]] = []
    for mount in (*([service.hub] if service.hub else []), *service.files):
        place = {"source": host_path(mount.source, root), "target": mount.target}
        mounts.append({"type": "bind", **place, "read_only": True, "bind": {"create_host_path": False}})
    return mounts + [
        {"type": "volume", "source": cache_key(project, cache), "target": cache.target} for cache in service.caches
    ]


def _ports(service: ir.Service) -> list[dict[str, Any]] | None:
    if service.publish is None:
        return None
    return [{"host_ip": service.publish.host, "published": str(service.publish.port), "target": service.port}]


def _mem_limit(service: ir.Service) -> str | None:
    return memory_limit(service.host_memory) if service.host_memory else None


def _healthcheck(service: ir.Service) -> dict[str, Any] | None:
    if service.readiness.probe is None:
        return None
    start = f"{service.readiness.start_timeout}s"
    timing = {"interval": "10s", "timeout": "25s", "retries": 3, "start_period": start}
    return {"test": ["CMD", *service.readiness.probe], **timing}


def _deploy(service: ir.Service) -> dict[str, Any] | None:
    if service.devices is None or service.devices.kind != "nvidia":
        return None
    device = {"driver": "nvidia", "device_ids": list(service.devices.ids), "capabilities": ["gpu"]}
    return {"resources": {"reservations": {"devices": [device]}}}


def _runtime(service: ir.Service) -> str | None:
    return "nvidia" if service.devices and service.devices.kind == "runtime" else None


def _devices(service: ir.Service) -> list[str] | None:
    added = [*service.additions.get("compose", {}).get("devices", ())]
    if service.devices is None or service.devices.kind in ("nvidia", "runtime"):
        return added or None
    ours = [*(["/dev/kfd"] if service.devices.kind == "amd" else []), *service.devices.ids]
    return ours + [device for device in added if device not in ours]


def _group_add(service: ir.Service) -> list[str] | None:
    groups = [str(group) for group in service.devices.groups] if service.devices else []
    added = [str(group) for group in service.additions.get("compose", {}).get("group_add", ())]
    return [*dict.fromkeys(groups + added)] or None


def _tmpfs(service: ir.Service) -> list[str] | None:
    added = [*service.additions.get("compose", {}).get("tmpfs", ())]
    ours = [f"{at.target}:exec,uid={at.uid},gid={at.gid},mode={at.mode}" for at in service.scratch]
    return ours + added or None


def _added(key: str, ours: Callable[[ir.Service], Any]) -> Callable[[ir.Service], Any]:
    """Return the function that reads a key which the user may write: their value replaces ours."""
    return lambda service: service.additions.get("compose", {}).get(key, ours(service))


# The keys that matter for a container. None means that the key must be absent.
_TABLE: dict[str, Callable[[ir.Service], Any]] = {
    "image": lambda service: service.image,
    "container_name": lambda service: service.container,
    "profiles": lambda service: list(service.profiles),
    "entrypoint": lambda service: list(service.launch.entrypoint) or None,
    "command": lambda service: list(service.launch.command) if any(service.launch[:2]) else None,
    "environment": lambda service: dict(service.environment),
    "restart": lambda _service: "no",
    "ports": _ports,
    "healthcheck": _healthcheck,
    "deploy": _deploy,
    "runtime": _runtime,
    "devices": _devices,
    "group_add": _group_add,
    "tmpfs": _tmpfs,
    "cpus": _added("cpus", lambda service: service.cpus),
    "mem_limit": _added(
        "mem_limit", lambda service: memory_limit(service.host_memory) if service.host_memory else None
    ),
    "pull_policy": _added("pull_policy", lambda service: "never" if service.build else "missing"),
    "shm_size": _added("shm_size", lambda service: f"{service.shm // 2**30}gb"),
    "stop_grace_period": _added("stop_grace_period", lambda service: f"{service.stop_grace}s"),
    "ulimits": _added("ulimits", engine_limits),
    "read_only": _added("read_only", lambda service: service.security.read_only or None),
    "cap_drop": lambda service: cap_drop(service.security, service.additions.get("compose", {})),
    "security_opt": lambda service: security_opt(service.security, service.additions.get("compose", {})),
}
