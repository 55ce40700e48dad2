"""Check how Docker was installed: as a snap, as Docker Desktop on Linux, without root, or Podman in its place."""

from __future__ import annotations

from typing import TYPE_CHECKING

from modelgen.engines.host import dotted
from modelgen.operate.doctor.daemon import find_daemon, find_podman, table
from modelgen.operate.doctor.finding import Finding
from modelgen.operate.doctor.machine import find_platform

if TYPE_CHECKING:
    from modelgen.operate.doctor.daemon import Daemon
    from modelgen.operate.doctor.host import Host
    from modelgen.operate.doctor.wanted import Wanted
    from modelgen.operate.programs import Answer

_ENGINE = "https://docs.docker.com/engine/install/"
_PODMAN_WITH_CDI = (5, 4)
"""From here on, Podman's API takes CDI names (containers/podman#25171); it ignores NVIDIA's reservations in any."""


def is_podman_command(answer: Answer) -> bool:
    """Return whether a version is printed by Podman in place of the command `docker`.

    A file /etc/containers/nodocker switches its first line off; it writes the key `APIVersion`, Docker `ApiVersion`.
    """
    client = table(answer).get("Client")
    is_podmans = isinstance(client, dict) and "APIVersion" in client
    return is_podmans or "emulate docker cli using podman" in answer.errors.lower()


def check_installation(host: Host, wanted: Wanted) -> list[Finding]:  # noqa: ARG001 - all checks are called alike
    """Check that Docker is of a kind that can run the containers."""
    findings = []
    if (version := find_podman(host)) is not None:
        text = f"Podman {version} answers at Docker's address; modelgen is tested with Docker Engine only"
        findings.append(Finding("docker", "warning", text, f"install Docker Engine: {_ENGINE}"))
    daemon = find_daemon(host)
    if daemon is not None and daemon.is_snap:
        # README of docker-snap: files must be in $HOME, and `no-new-privileges`, which each container has, fails.
        text = (
            "Docker is the snap package: it sees only files in home directories, and cannot start containers with "
            "`no-new-privileges`, which modelgen sets"
        )
        help_ = f"sudo snap remove docker, then install Docker Engine: {_ENGINE}"
        findings.append(Finding("docker", "bad", text, help_))
    return findings


def why_without_cards(host: Host, wanted: Wanted, daemon: Daemon) -> Finding | None:
    """Return why this kind of Docker gives no container a GPU; None if it can."""
    if daemon.is_desktop and find_platform(host) == "linux":
        # docker/desktop-linux#213, docker/roadmap#497. On Windows, the machine has the GPU.
        text = "Docker Desktop runs containers in a virtual machine, which has no GPU outside Windows"
        help_ = f"install Docker Engine ({_ENGINE}) beside it, and run `docker context use default`"
        return Finding("toolkit", "bad", text, help_)
    if daemon.is_snap:
        # `nvidia-ctk` configures /etc/docker/daemon.json, which the snap does not read (README of docker-snap).
        text = "the GPUs were not checked, since Docker is the snap package"
        return Finding("toolkit", "unknown", text, f"replace it by Docker Engine ({_ENGINE}), then run this again")
    podman = find_podman(host)
    if podman is None:
        return None
    if dotted(podman) < _PODMAN_WITH_CDI:
        text = f"Podman {podman} gives containers of Compose no GPU, without an error"
        return Finding("toolkit", "bad", text, f"install Docker Engine ({_ENGINE}), or Podman 5.4 or newer")
    names = [name for name, gpu in wanted.gpus.items() if gpu.kind in (None, "nvidia")]
    if not names:
        return None
    text = f"Podman ignores GPU reservations without an error, and {', '.join(names)} would be missing in containers"
    help_ = f'`[gpus.{names[0]}] kind = "cdi"` with `device = "nvidia.com/gpu=0"`, or install Docker Engine ({_ENGINE})'
    return Finding("toolkit", "bad", text, help_)
