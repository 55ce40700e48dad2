"""Read Docker's version and information. Other programs answer to the name `docker`, too."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from modelgen.engines.host import dotted

if TYPE_CHECKING:
    from modelgen.operate.doctor.host import Host
    from modelgen.operate.programs import Answer

_VERSION = re.compile(r"\D{0,20}?(\d{1,6}(?:\.\d{1,6}){0,3})", re.ASCII)


@dataclass(frozen=True)
class Daemon:
    """A Docker Engine that answers.

    Args:
        system: The operating system that it runs on, as it reports it.
        kernel: Version of that system's kernel.
        arch: Its architecture, as in Docker's platforms; None if unknown.
        memory: Bytes of memory for containers; 0 if unknown.
        folder: The folder of images and containers.
        runtimes: Names of the OCI runtimes.
        default_runtime: The runtime of containers that name none.
        is_rootless: Whether it runs without root.
        cgroup_version: `1` or `2`; empty if unknown.
        cgroup_driver: The driver that creates the containers' cgroups.
        cdi_folders: The folders of CDI files; empty if CDI is disabled or not supported.
    """

    system: str
    kernel: str
    arch: str | None
    memory: int
    folder: str
    runtimes: frozenset[str]
    default_runtime: str
    is_rootless: bool
    cgroup_version: str
    cgroup_driver: str
    cdi_folders: tuple[str, ...]

    @property
    def is_desktop(self) -> bool:
        """Return whether it is Docker Desktop, whose containers run in a virtual machine."""
        return "Docker Desktop" in self.system

    @property
    def is_snap(self) -> bool:
        """Return whether it is the snap package of Docker, which sees only a part of the host."""
        return self.folder.startswith("/var/snap/docker/")

    @property
    def settings(self) -> str:
        """The file of its settings, as a shell reads it (docs.docker.com, "Rootless mode")."""
        return "$HOME/.config/docker/daemon.json" if self.is_rootless else "/etc/docker/daemon.json"

    @property
    def restart(self) -> str:
        """The command that restarts it."""
        return f"{_systemctl(is_rootless=self.is_rootless)} restart docker"


def restart_without_answer(host: Host, verb: str = "restart") -> str:
    """Return the command that starts an Engine which does not answer, by the address that it should answer at."""
    endpoint = find_endpoint(host) or ""
    if "/.docker/desktop/" in endpoint:
        return f"systemctl --user {verb} docker-desktop"
    folder = host.environment.get("XDG_RUNTIME_DIR") or "/run/user"
    return f"{_systemctl(is_rootless=endpoint.startswith(f'unix://{folder}/'))} {verb} docker"


def _systemctl(*, is_rootless: bool) -> str:
    return "systemctl --user" if is_rootless else "sudo systemctl"


def ask_version(host: Host) -> Answer:
    """Return the output of `docker version`."""
    return host.run("docker", "version", "--format", "{{json .}}")


def find_podman(host: Host) -> str | None:
    """Return the version of Podman if it answers at Docker's address; None for Docker.

    It names itself only among its components (lablup/backend.ai#13829).
    """
    server = table(ask_version(host)).get("Server") if host.which("docker") else None
    if not isinstance(server, dict):
        return None
    components = _listed(server.get("Components"))
    names = [one for one in components if isinstance(one, dict) and str(one.get("Name")).startswith("Podman")]
    # An older client leaves the components out; the address is Podman's own (podman-system-service(1)).
    if not names and (find_endpoint(host) or "").endswith("/podman/podman.sock"):
        names = [server]
    return (numbers(str(names[0].get("Version"))) or "0") if names else None


def find_daemon(host: Host) -> Daemon | None:
    """Return the Engine, or None if none answers."""
    if host.which("docker") is None:
        return None
    info = table(host.run("docker", "info", "--format", "{{json .}}"))
    if not info.get("ServerVersion"):
        return None
    processor = info.get("Architecture")
    memory = info.get("MemTotal")
    return Daemon(
        system=str(info.get("OperatingSystem") or ""),
        kernel=str(info.get("KernelVersion") or ""),
        arch={"x86_64": "amd64", "aarch64": "arm64"}.get(str(processor)),
        memory=memory if isinstance(memory, int) else 0,
        folder=str(info.get("DockerRootDir") or ""),
        runtimes=frozenset(map(str, _listed(info.get("Runtimes")))),
        default_runtime=str(info.get("DefaultRuntime") or ""),
        is_rootless="name=rootless" in _listed(info.get("SecurityOptions")),
        cgroup_version=str(info.get("CgroupVersion") or ""),
        cgroup_driver=str(info.get("CgroupDriver") or ""),
        cdi_folders=tuple(map(str, _listed(info.get("CDISpecDirs")))),
    )


def find_endpoint(host: Host) -> str | None:
    """Return the address at which the `docker` command finds the Engine, such as `unix:///var/run/docker.sock`."""
    # The variable overrides every context (docs.docker.com, "Docker contexts").
    if written := host.environment.get("DOCKER_HOST"):
        return written
    answer = host.run("docker", "context", "inspect", "--format", "{{.Endpoints.docker.Host}}")
    return (answer.output.strip() or None) if answer.is_good else None


def table(answer: Answer) -> dict[str, Any]:
    """Return the printed JSON object, or an empty one."""
    try:
        found = json.loads(answer.output)
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def numbers(text: str) -> str | None:
    """Return the numbers of a version such as `v2.40.3-desktop.1` or `20.10.24+dfsg1`, in the form of `[host]`."""
    match = _VERSION.match(text)
    return match[1] if match else None


def compare(found: str, written: str) -> int:
    """Return -1, 0 or 1 for a version below, equal to, or above the written one; `28.3` stands for all of 28.3."""
    said = dotted(written)
    is_ = (*dotted(found), 0, 0, 0)[: len(said)]
    return (is_ > said) - (is_ < said)


def _listed(value: Any) -> list[Any]:  # noqa: ANN401 - whatever JSON holds
    return [*value] if isinstance(value, list | dict) else []
