"""The Compose target: docker-compose.yml."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from modelgen.targets.compose_devices import device_files, groups, scratch_mounts
from modelgen.targets.compose_readback import check_readback
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
_LOGGING = {"driver": "json-file", "options": {"max-size": "10m", "max-file": "3"}}
_ULIMITS = {"memlock": -1, "nofile": 65535, "stack": 67108864}


def render(fleet: ir.Fleet) -> dict[str, bytes]:
    """Render the fleet, and check that the output says what the fleet is.

    Raises:
        RenderingError: It does not; a bug of ours.
    """
    conditions = {service.name: _condition(service) for service in fleet.services}
    cards = {gpu.name: gpu for gpu in fleet.gpus}
    text = render_template(
        PATH,
        scalar,
        project=fleet.project,
        services=[_service(service, conditions, cards) for service in fleet.services],
        networks=_networks(fleet),
        volumes=_volumes(fleet),
    ).encode()
    check_readback(fleet, text)
    return {PATH: text, ".gitattributes": copy_file(".gitattributes")}


def _condition(service: ir.Service) -> Raw:
    """A service without a healthcheck never becomes healthy, and Compose would wait for ever."""
    return Raw("service_healthy" if service.readiness.probe else "service_started")


def _service(service: ir.Service, conditions: Mapping[str, Raw], cards: Mapping[str, ir.Gpu]) -> dict[str, Any]:
    """Everything that the template needs, flat."""
    added = service.additions.get("compose", {})
    labels = {"modelgen.model": service.model, "modelgen.keep": "true", **added.get("labels", {})}
    return {
        "key": key(service.name),
        "image": service.image,
        "pull_policy": added.get("pull_policy", Raw("missing")),
        "container": service.container,
        "profiles": service.profiles,
        "launch_note": _launch_note(service),
        "entrypoint": service.launch.entrypoint,
        "claim_note": _claim_note(service, cards),
        "command": service.launch.command,
        "environment": [(key(name), value) for name, value in service.environment],
        "hub": service.hub,
        "files": service.files,
        "cache": service.cache,
        "volumes": added.get("volumes", ()),
        "networks": _service_networks(service),
        "publish": {"host": service.publish.host, "port": str(service.publish.port)} if service.publish else None,
        "port": service.port,
        "reserved": service.devices.ids if service.devices and service.devices.kind == "nvidia" else (),
        # Compose refuses a list that says one thing twice.
        "devices": list(dict.fromkeys([*device_files(service), *added.get("devices", ())])),
        "group_add": list(dict.fromkeys([*groups(service), *map(str, added.get("group_add", ()))])),
        "tmpfs": [*scratch_mounts(service), *added.get("tmpfs", ())],
        "shm_size": added.get(
            "shm_size", Raw(f"{service.shm // 2**30}gb # Docker's 64 MiB are too few; `ipc: host` would void this")
        ),
        "ulimits": added.get(
            "ulimits", Raw(f"{scalar(_ULIMITS)} # rootless Docker may not raise limits: write others in `compose`")
        ),
        "init": added.get("init", Raw("true # reaps what a killed engine leaves behind")),
        "stop_grace_period": added.get(
            "stop_grace_period",
            Raw(f"{service.stop_grace}s # SIGKILL comes after that; an engine lets go of its card in less"),
        ),
        "depends_on": [(key(name), conditions[name]) for name in service.depends_on],
        "probe": ("CMD", *service.readiness.probe) if service.readiness.probe else None,
        "start_period": Raw(f"{service.readiness.start_timeout}s"),
        "logging": added.get("logging", _LOGGING),
        "cap_drop": list(dict.fromkeys(["ALL", *added.get("cap_drop", ())])),
        "security_opt": _security_opt(service, added.get("security_opt", [])),
        "labels": [(key(name), value) for name, value in labels.items()],
        "additions": [(key(name), value) for name, value in added.items() if name not in _OURS],
    }


def _claim_note(service: ir.Service, cards: Mapping[str, ir.Gpu]) -> Raw | None:
    """Say what the share on the command line stands for; cards' names are ids, so they cannot end a comment."""
    parts = [
        f"{claim.memory / 2**30:.4g} GiB of the {cards[claim.gpu].memory / 2**30:.4g} GiB of {claim.gpu}"
        for claim in service.claims
    ]
    return Raw(f"It claims {' and '.join(parts)}.") if parts else None


def _launch_note(service: ir.Service) -> Raw | None:
    """Say which release the launch form is for; only an engine whose release matters has one."""
    if service.engine_version is None:
        return None
    notes = {
        "vllm": "`vllm serve` takes the repository id as its positional argument.",
        "vllm.entrypoints.openai.api_server": "api_server takes the repository id by --model; a positional one would "
        "be ignored.",
        "sglang.launch_server": "the image has no entry point that serves, and listens on 127.0.0.1 unless told.",
    }
    name = {"vllm": "vLLM", "sglang": "SGLang"}[service.engine]
    program = service.launch.entrypoint[-1] if service.launch.entrypoint[0] == "python3" else "vllm"
    return Raw(f"{name} {service.engine_version}: {notes[program]}")


def _security_opt(service: ir.Service, added: list[str]) -> list[str]:
    """The user's own word on new privileges or labels goes before ours; both together would be a contradiction."""
    ours = ["no-new-privileges:true", *(["label=disable"] if service.label_disabled else [])]
    ours = [option for option in ours if not any(other.startswith(re.split("[:=]", option)[0]) for other in added)]
    return list(dict.fromkeys([*ours, *added]))


def _service_networks(service: ir.Service) -> list[str] | dict[str, Any]:
    """Return the service's networks: a list, or a mapping where the user says more of one."""
    added = service.additions.get("compose", {}).get("networks", {})
    networks = {**{name: {} for name in service.networks}, **added}
    return networks if any(networks.values()) else list(networks)


def _networks(fleet: ir.Fleet) -> list[dict[str, Any]]:
    """The fleet's networks, then the user's, which exist already: most keep their applications on one."""
    ours = {network.key: network for network in fleet.networks}
    joined = {name for service in fleet.services for name in _service_networks(service)} - set(ours)
    return [
        {"key": key(network.key), "name": network.name, "internal": network.internal, "external": False}
        for network in ours.values()
    ] + [{"key": key(name), "name": name, "internal": False, "external": True} for name in sorted(joined)]


def _volumes(fleet: ir.Fleet) -> list[dict[str, str]]:
    """One cache volume a model, and the named volumes of the user; every name is explicit."""
    caches = {service.cache.key: service.cache.name for service in fleet.services if service.cache}
    named = {
        source: f"{fleet.project}-{source}"
        for service in fleet.services
        for volume in service.additions.get("compose", {}).get("volumes", ())
        if (source := _named_source(volume))
    }
    return [{"key": key(name), "name": full} for name, full in {**named, **caches}.items()]


def _named_source(volume: str | Mapping[str, Any]) -> str | None:
    """Return the name of the volume that a volume entry mounts, if it is a named one."""
    if not isinstance(volume, str):
        return volume.get("source") if volume["type"] == "volume" else None
    source, colon, _ = volume.partition(":")
    is_path = source.startswith((".", "/", "~")) or (len(source) == 1 and volume[2:3] in ("/", "\\"))
    return source if colon and not is_path else None
