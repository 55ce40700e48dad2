"""A second target, for tests: a fleet as a shell script of `docker` commands; it shares nothing with Compose's."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING

from modelgen.host_paths import host_path
from modelgen.targets.manifests import write_docker_manifest

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from typing import Any

    from modelgen import ir

ADDED = "docker_run"


def render(fleet: ir.Fleet, root: str) -> dict[str, bytes]:
    """Return the script, and the manifest of the orchestrator."""
    networks = {network.key: network.name for network in fleet.networks}
    lines = [["docker", "network", "create", *_reach(network), network.name] for network in fleet.networks]
    lines += [["docker", "create", *_service(service, networks, root)] for service in fleet.services]
    lines += [
        ["docker", "start", *(f"{fleet.project}-{model}" for model in profile.models)]
        for profile in fleet.profiles
        if profile.default
    ]
    if not fleet.orchestrator.enabled:
        return {"up.sh": _script(lines)}
    lines += _orchestrator(fleet, [*networks.values()], root)
    manifest = write_docker_manifest(fleet, "/keys/keys" if fleet.orchestrator.keys_file else None)
    return {"up.sh": _script(lines), "manifest.json": manifest}


def _reach(network: ir.Network) -> list[str]:
    masquerade = "--opt=com.docker.network.bridge.enable_ip_masquerade=false"
    return ["--internal"] if network.internal else [] if network.reaches_outside else [masquerade]


def _script(lines: Iterable[list[str]]) -> bytes:
    return "\n".join(map(shlex.join, lines)).encode()


def _service(service: ir.Service, networks: Mapping[str, str], root: str) -> Iterator[str]:
    yield from ("--name", service.container, "--network-alias", service.name, "--label", f"model={service.model}")
    yield from (f"--network={networks[key]}" for key in service.networks)
    yield from (f"--env={name}={value}" for name, value in service.environment)
    yield from (f"--label={kind}={value}" for kind, values in _labels(service).items() for value in values)
    for mount in (*([service.hub] if service.hub else []), *service.files):
        yield _mount(mount.source, mount.target, root)
    yield from (f"--mount=type=volume,source={cache.name},target={cache.target}" for cache in service.caches)
    yield f"--label=offline={service.offline}"
    yield from (f"--label=chosen={note}" for note in service.chosen)
    for place in service.scratch:
        yield f"--tmpfs={place.target}:exec,uid={place.uid},gid={place.gid},mode={place.mode}"
    if service.devices and service.devices.kind == "runtime":
        yield "--runtime=nvidia"
    elif service.devices:
        option = "--gpus" if service.devices.kind == "nvidia" else "--device"
        yield from (f"{option}={name}" for name in service.devices.ids)
        yield from (f"--group-add={group}" for group in service.devices.groups)
    if service.publish:
        yield f"--publish={service.publish.host}:{service.publish.port}:{service.port}"
    yield from (f"--shm-size={service.shm}", f"--stop-timeout={service.stop_grace}")
    yield from ([f"--cpus={service.cpus}"] if service.cpus else [])
    yield from ([f"--memory={service.host_memory}"] if service.host_memory else [])
    if service.build:
        build = service.build
        yield f"--label=build={build.context}:{build.dockerfile}:{build.target}:{build.args}"
    yield from _confinement(service.security, service.limits)
    if service.readiness.probe:
        yield f"--health-cmd={shlex.join(service.readiness.probe)}"
        yield f"--health-start-period={service.readiness.start_timeout}s"
    yield from _added(service.additions)
    first, *rest = (*service.launch.entrypoint, *service.launch.command) or ("",)
    yield from (["--entrypoint", first] if service.launch.entrypoint else [])
    yield from (service.image, *(rest if service.launch.entrypoint else service.launch.command))


def _labels(service: ir.Service) -> dict[str, tuple[str, ...]]:
    note = (service.launch.note,) if service.launch.note else ()
    return {"profile": service.profiles, "after": service.depends_on, "note": note}


def _orchestrator(fleet: ir.Fleet, networks: Iterable[str], root: str) -> Iterator[list[str]]:
    own = fleet.orchestrator
    socket = _mount(own.socket, "/var/run/docker.sock", root)
    limit = f"--memory={own.socket_proxy_memory}"
    proxy = [f"--name={fleet.project}-socket-proxy", limit, socket, *_confinement(own.socket_proxy_security, ())]
    yield ["docker", "create", *proxy, own.socket_proxy_image]
    label = ":z" if own.relabelled else ""
    keys = [f"--volume={host_path(own.keys_file, root)}:/keys/keys{label}"] if own.keys_file else []
    options = [f"--stop-timeout={own.stop_grace}", *_confinement(own.security, own.limits), *_added(own.additions)]
    joined = [f"--memory={own.memory}", *(f"--network={name}" for name in networks)]
    joined += [f"--network-alias={name}" for name in own.network_aliases]
    joined += ['--gpus="all,capabilities=utility"'] if own.gpu_stats else []
    yield ["docker", "build", f"--build-arg=BASE={own.base_image}", "orchestrator"]
    yield ["docker", "create", *joined, *keys, *options, f"--publish={own.listen}:8080", "orchestrator"]


def _confinement(security: ir.Security, limits: Iterable[ir.Limit]) -> Iterator[str]:
    yield from (f"--cap-drop={name}" for name in security.dropped)
    yield from (["--security-opt=no-new-privileges:true"] if security.no_new_privileges else [])
    yield from (["--security-opt=label=disable"] if security.unlabelled else [])
    yield from (["--read-only"] if security.read_only else [])
    yield from (f"--ulimit={limit.name}={limit.value}:{limit.value}" for limit in limits)


def _mount(source: str, target: str, root: str) -> str:
    return f"--mount=type=bind,source={host_path(source, root)},target={target},readonly"


def _added(additions: Mapping[str, Mapping[str, Any]]) -> Iterator[str]:
    yield from (f"--{name}={value}" for name, value in additions.get(ADDED, {}).items())
