"""Describe this host by the keys of `[host]`."""

from __future__ import annotations

import platform
import re
from typing import TYPE_CHECKING

from modelgen.operate.doctor.daemon import ask_version, find_daemon, find_endpoint, numbers, table
from modelgen.operate.doctor.engine import socket_of
from modelgen.operate.doctor.machine import find_platform, find_selinux
from modelgen.operate.doctor.smi import find_driver

if TYPE_CHECKING:
    from modelgen.operate.doctor.host import Host

Value = str | bool
Description = dict[str, Value | None]
_TOTAL = re.compile(r"^MemTotal:\s+(\d+) kB", re.MULTILINE)
_ARCHES = {"x86_64": "amd64", "amd64": "amd64", "aarch64": "arm64", "arm64": "arm64"}


def describe(host: Host) -> Description:
    """Return each key of `[host]` with the value found; None if none was."""
    daemon = find_daemon(host)
    return {
        "platform": find_platform(host),
        "arch": (daemon.arch if daemon else None) or _ARCHES.get(platform.machine().lower()),
        "driver": find_driver(host),
        "docker": _docker(host),
        "memory": _memory(host),
        "selinux": find_selinux(host),
        "docker_socket": _socket(host),
    }


def _docker(host: Host) -> str | None:
    server = table(ask_version(host)).get("Server") if host.which("docker") else None
    return numbers(str(server.get("Version"))) if isinstance(server, dict) else None


def _memory(host: Host) -> str | None:
    """Return the memory for containers, which in a virtual machine is less than the host's."""
    daemon = find_daemon(host)
    total = daemon.memory if daemon else 0
    if not total and (match := _TOTAL.search(host.read("/proc/meminfo") or "")):
        total = int(match[1]) * 1024
    tenths = int(total / 2**30 * 10)
    return f"{tenths / 10:g}GiB" if tenths else None


def _socket(host: Host) -> str | None:
    endpoint = find_endpoint(host) if host.which("docker") else None
    if endpoint is None or not endpoint.startswith(("unix://", "npipe://")):
        return None
    return socket_of(host, endpoint)
