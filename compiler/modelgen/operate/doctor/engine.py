"""Check Docker: the command, the Engine, access to it, its version and its socket."""

from __future__ import annotations

import re
import sys
from typing import TYPE_CHECKING

from modelgen.lower import DEFAULT_SOCKET
from modelgen.operate.doctor.daemon import (
    ask_version,
    compare,
    find_daemon,
    find_endpoint,
    numbers,
    restart_without_answer,
    table,
)
from modelgen.operate.doctor.finding import Finding
from modelgen.operate.doctor.installations import is_podman_command

if TYPE_CHECKING:
    from modelgen.operate.doctor.host import Host
    from modelgen.operate.doctor.wanted import Wanted

INSTALL = "install Docker: https://docs.docker.com/engine/install/"
_OLDEST_API = (1, 41)
_API = re.compile(r"(\d{1,4})\.(\d{1,4})", re.ASCII)
_WRITE = "`modelgen doctor --write`"


def check_engine(host: Host, wanted: Wanted) -> list[Finding]:
    """Check that a Docker Engine answers and is new enough."""
    if host.which("docker") is None:
        return [Finding("docker", "bad", "the command `docker` is not installed", INSTALL)]
    answer = ask_version(host)
    if answer.is_late:
        text = "`docker version` did not answer in time: the daemon hangs"
        return [Finding("docker", "bad", text, restart_without_answer(host))]
    if is_podman_command(answer):
        text = "the command `docker` is Podman's, which lacks what modelgen needs of it"
        help_ = f"sudo apt-get remove podman-docker (or dnf), then {INSTALL}"
        return [Finding("docker", "bad", text, help_)]
    server = table(answer).get("Server")
    if not isinstance(server, dict) or not server.get("Version"):
        return [_no_daemon(host, answer.errors)]
    return _version(str(server["Version"]), str(server.get("ApiVersion") or ""), wanted)


def check_socket(host: Host, wanted: Wanted) -> list[Finding]:
    """Check that Docker listens on the socket that the socket proxy mounts."""
    if host.which("docker") is None or not wanted.has_orchestrator:
        return []
    endpoint = find_endpoint(host)
    if endpoint is None:
        text = "`docker context inspect` does not name the Engine's address"
        return [Finding("docker", "unknown", text, "docker context ls")]
    if not endpoint.startswith(("unix://", "npipe://")):
        text = f"Docker runs elsewhere, at {endpoint}; the findings about files, GPUs and ports are about this machine"
        return [Finding("docker", "warning", text, "run `modelgen doctor` on that machine")]
    found = socket_of(host, endpoint)
    written = wanted.host.docker_socket or DEFAULT_SOCKET
    if _real(found) == _real(written):
        return [Finding("docker", "good", f"the socket is {found}")]
    text = f"Docker's socket is {found}, but models.toml has {written}"
    return [Finding("docker", "bad", text, f'{_WRITE}, or `[host] docker_socket = "{found}"`')]


def socket_of(host: Host, endpoint: str) -> str:
    """Return the path by which a container can mount the socket of an Engine on this machine."""
    daemon = find_daemon(host)
    # Docker Desktop has the socket of its machine there, whatever socket the command uses.
    if not endpoint.startswith("unix://") or (daemon is not None and daemon.is_desktop):
        return DEFAULT_SOCKET
    return endpoint.removeprefix("unix://")


def _no_daemon(host: Host, errors: str) -> Finding:
    if "permission denied" in errors.lower():
        text = "permission denied on Docker's socket"
        return Finding("docker", "bad", text, "sudo usermod -aG docker $USER, then log in again")
    folder = host.environment.get("XDG_RUNTIME_DIR")
    if folder and not host.environment.get("DOCKER_HOST") and host.path(f"{folder}/docker.sock").exists():
        text = "Docker does not answer at its default socket, but a rootless Docker exists"
        return Finding("docker", "bad", text, f"export DOCKER_HOST=unix://{folder}/docker.sock")
    said = errors.splitlines()[-1][:200] if errors else "it printed no version"
    is_desktop = sys.platform != "linux"
    command = restart_without_answer(host, "start")
    help_ = "start Docker Desktop" if is_desktop else f"{command} (on WSL2: start Docker Desktop)"
    return Finding("docker", "bad", f"Docker does not answer: {said}", help_)


def _version(version: str, api: str, wanted: Wanted) -> list[Finding]:
    match, found = _API.fullmatch(api), numbers(version)
    if match is None or found is None:
        return [Finding("docker", "unknown", f"Docker answers, but its version is not understood: {version}")]
    if (int(match[1]), int(match[2])) < _OLDEST_API:
        text = f"Docker Engine {version} is too old: it has API {api}, and 1.41 (Engine 20.10) is needed"
        return [Finding("docker", "bad", text, INSTALL)]
    findings = [Finding("docker", "good", f"Docker Engine {version} answers (API {api})")]
    written = wanted.host.docker
    order = compare(found, written) if written else 0
    if order:
        # A build for a newer Engine may be refused; a build for an older one runs.
        help_ = f'{_WRITE}, or `[host] docker = "{found}"`'
        text = f"the Engine is {found}, but models.toml has {written}"
        findings.append(Finding("docker", "bad" if order < 0 else "warning", text, help_))
    return findings


def _real(path: str) -> str:
    """Return one path for a socket with two: /var/run is /run on every system with systemd."""
    return path.removeprefix("/var") if path.startswith("/var/run/") else path
