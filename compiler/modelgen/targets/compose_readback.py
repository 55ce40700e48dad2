"""What a docker-compose.yml must say about a fleet: YAML path → attribute of the IR."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from modelgen.targets.readback import RenderingError, find_difference, parse_yaml

if TYPE_CHECKING:
    from collections.abc import Callable

    from modelgen import ir


def check_readback(fleet: ir.Fleet, text: bytes) -> None:
    """Parse the rendered text and compare it with the fleet.

    Raises:
        RenderingError: They differ.
    """
    document = parse_yaml(text)
    _compare(fleet.project, document.get("name"), "name")
    services = document["services"]
    _compare([service.name for service in fleet.services], [*services], "services")
    for service in fleet.services:
        found = services[service.name]
        expected = {name: value for name, read in _TABLE.items() if (value := read(service)) is not None}
        _compare(_doubled(expected), {name: found[name] for name in _TABLE if name in found}, service.name)
        mounts = [mount for mount in found.get("volumes", ()) if isinstance(mount, dict)]
        _compare(_doubled(_hub(service)), mounts[0] if service.hub else None, f"{service.name}.volumes")
        added = service.additions.get("compose", {})
        labels = {"modelgen.model": service.model, "modelgen.keep": "true", **added.get("labels", {})}
        _compare(_doubled(labels), found["labels"], f"{service.name}.labels")
        internal = {network.key for network in fleet.networks if network.internal}
        if not internal.intersection(found["networks"]):
            raise RenderingError(f"{service.name} is not on the internal network")


def _compare(expected: Any, found: Any, place: str) -> None:  # noqa: ANN401 - any YAML
    if different := find_difference(expected, found, place):
        raise RenderingError(f"the rendered file differs from what it was rendered from: {different}")


def _doubled(value: Any) -> Any:  # noqa: ANN401 - any YAML
    """Compose takes `$$` for `$`; keys are left alone."""
    if isinstance(value, str):
        return value.replace("$", "$$")
    if isinstance(value, dict):
        return {name: _doubled(item) for name, item in value.items()}
    return [_doubled(item) for item in value] if isinstance(value, list) else value


def _hub(service: ir.Service) -> dict[str, Any] | None:
    if service.hub is None:
        return None
    return {
        "type": "bind",
        "source": service.hub.source,
        "target": service.hub.target,
        "read_only": True,
        "bind": {"create_host_path": False},
    }


def _ports(service: ir.Service) -> list[dict[str, Any]] | None:
    if service.publish is None:
        return None
    return [{"host_ip": service.publish.host, "published": str(service.publish.port), "target": service.port}]


def _healthcheck(service: ir.Service) -> dict[str, Any] | None:
    if service.readiness.probe is None:
        return None
    start = f"{service.readiness.start_timeout}s"
    timing = {"interval": "10s", "timeout": "25s", "retries": 3, "start_period": start}
    return {"test": ["CMD", *service.readiness.probe], **timing}


def _deploy(service: ir.Service) -> dict[str, Any] | None:
    if not service.devices:
        return None
    device = {"driver": "nvidia", "device_ids": list(service.devices), "capabilities": ["gpu"]}
    return {"resources": {"reservations": {"devices": [device]}}}


# Only what a container cannot be right without; absent means that the key must not be there.
_TABLE: dict[str, Callable[[ir.Service], Any]] = {
    "image": lambda service: service.image,
    "container_name": lambda service: service.container,
    "profiles": lambda service: list(service.profiles),
    "entrypoint": lambda service: list(service.launch.entrypoint),
    "command": lambda service: list(service.launch.command),
    "environment": lambda service: dict(service.environment),
    "restart": lambda _service: "no",
    "ports": _ports,
    "healthcheck": _healthcheck,
    "deploy": _deploy,
}
