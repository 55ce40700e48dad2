"""Check Docker Compose: the plugin, not the old program."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from modelgen.engines.host import dotted
from modelgen.operate.doctor.daemon import numbers
from modelgen.operate.doctor.finding import Finding

if TYPE_CHECKING:
    from pathlib import Path

    from modelgen.operate.doctor.host import Host
    from modelgen.operate.doctor.wanted import Wanted

OLDEST = (2, 20)
WITH_CDI = (2, 30)
"""docker/compose#12184, podman-container-tools/podman#28309."""
_INSTALL = "sudo apt-get install docker-compose-plugin, or https://docs.docker.com/compose/install/"


def check_compose(host: Host, wanted: Wanted) -> list[Finding]:
    """Check that `docker compose` is installed and new enough."""
    if host.which("docker") is None:
        return []
    answer = host.run("docker", "compose", "version", "--short")
    if answer.is_late:
        text = "`docker compose version` did not answer in time"
        return [Finding("compose", "unknown", text, "docker compose version")]
    version = numbers(answer.output) if answer.is_good else None
    if version is None:
        has_old = host.which("docker-compose") is not None
        text = "`docker compose` is not installed" + ("; the installed `docker-compose` is too old" if has_old else "")
        return [Finding("compose", "bad", text, _INSTALL)]
    if dotted(version) < OLDEST:
        return [Finding("compose", "bad", f"Docker Compose {version} is too old: 2.20 is needed", _INSTALL)]
    if dotted(version) < WITH_CDI and any(gpu.kind == "cdi" for gpu in wanted.gpus.values()):
        text = f"Docker Compose {version} takes CDI names for paths of device files: 2.30 is needed"
        return [Finding("compose", "bad", text, _INSTALL)]
    return [Finding("compose", "good", f"Docker Compose {version}")]


def find_override(folder: Path) -> Path | None:
    """Return the override in an output directory, if there is one."""
    path = folder / "docker-compose.override.yml"
    return path if path.is_file() else None


def takes_all_cards(host: Host, override: Path, text: bytes) -> bool:
    """Return whether no service has a GPU after the user's override is applied.

    Args:
        host: The host, with Compose.
        override: The override, from `find_override`.
        text: The text of the Compose file beside it, which need not be written yet.
    """
    files = ("--project-directory", str(override.parent), "--file", "-", "--file", str(override))
    answer = host.run("docker", "compose", *files, "--profile", "*", "config", "--format", "json", given=text)
    try:
        services: dict[str, Any] = json.loads(answer.output)["services"] if answer.is_good else {}
    except (ValueError, KeyError):
        return False
    return bool(services) and not any(_has_card(service) for service in services.values())


def check_override(host: Host, wanted: Wanted) -> list[Finding]:  # noqa: ARG001 - all checks are called alike
    """Report why no GPU is checked."""
    if not wanted.is_without_cards:
        return []
    return [Finding("cards", "good", "docker-compose.override.yml removes all GPUs, so none is checked")]


def _has_card(service: dict[str, Any]) -> bool:
    """Return whether a service has devices, by an NVIDIA reservation or by path."""
    reservations = ((service.get("deploy") or {}).get("resources") or {}).get("reservations") or {}
    by_runtime = service.get("runtime") == "nvidia"
    return bool(reservations.get("devices") or service.get("devices") or service.get("gpus") or by_runtime)
