"""Read the version and the settings of the NVIDIA Container Toolkit, and check them against Docker."""

from __future__ import annotations

import re
import tomllib
from dataclasses import dataclass
from typing import TYPE_CHECKING

from modelgen.engines.host import dotted
from modelgen.operate.doctor.finding import Finding

if TYPE_CHECKING:
    from collections.abc import Iterator

    from modelgen.operate.doctor.daemon import Daemon
    from modelgen.operate.doctor.host import Host

_SUBJECT = "toolkit"
_VERSION = re.compile(r"(?:version|cli-version:) (\d{1,4}\.\d{1,4}\.\d{1,4})\b", re.ASCII)
_FILE = "/nvidia-container-runtime/config.toml"
_BROKEN = {
    (1, 14, 0): "ignores its config.toml",  # CHANGELOG of 1.14.1, NVIDIA/nvidia-container-toolkit#106
    (1, 17, 0): "fails with `unsupported IMEX channel value: all`",  # pytorch/test-infra#5852
    (1, 17, 7): "crashes or lacks permissions while a container starts",  # NVIDIA/nvidia-container-toolkit#1101, #1093
}
_BROKEN_ROOTLESS = {
    (1, 18, 0): "ignores `no-cgroups` for a Docker without root"
}  # NVIDIA/nvidia-container-toolkit#1487
_SAFE = (1, 17, 8)
"""The first without ways out of containers: CVE-2024-0132 until 1.16.2, CVE-2025-23359 and CVE-2025-23266."""
_WITH_CGROUP_2 = (1, 8)
"""NVIDIA/libnvidia-container#111, pop-os/beta#289."""
_SET = "nvidia-ctk config --in-place --set"
_UPDATE = "sudo apt-get update && sudo apt-get install nvidia-container-toolkit"


@dataclass(frozen=True)
class Settings:
    """The settings of the toolkit in its config.toml, with its defaults.

    Args:
        path: The file that was read.
        mode: How the runtime `nvidia` adds GPUs.
        has_no_cgroups: Whether it leaves the devices' permissions to others.
    """

    path: str
    mode: str
    has_no_cgroups: bool


def configure_toolkit(daemon: Daemon) -> str:
    """Return the commands that give Docker the runtime `nvidia` (NVIDIA Container Toolkit, installation guide)."""
    configure = "nvidia-ctk runtime configure --runtime=docker"
    command = f"{configure} --config={daemon.settings}" if daemon.is_rootless else f"sudo {configure}"
    return f"sudo apt-get install nvidia-container-toolkit && {command} && {daemon.restart}"


def find_version(host: Host) -> str | None:
    """Return the version of the toolkit; None if it is not installed."""
    for program in ("nvidia-ctk", "nvidia-container-cli", "nvidia-container-runtime-hook"):
        answer = host.run(program, "--version") if host.which(program) else None
        if answer is not None and answer.is_good and (match := _VERSION.search(answer.output)):
            return match[1]
    return None


def find_settings(host: Host, *, is_rootless: bool) -> Settings | None:
    """Return the settings; None if no file can be read and understood."""
    folders = ["/etc"]
    # The file of the user comes first (nvidia-container-toolkit: api/config/v1/config.go).
    if is_rootless and (own := host.environment.get("XDG_CONFIG_HOME")):
        folders.insert(0, own)
    for folder in folders:
        text = host.read(folder + _FILE)
        if text is None:
            continue
        try:
            tables = tomllib.loads(text)
        except (tomllib.TOMLDecodeError, RecursionError):
            return None
        runtime, cli = tables.get("nvidia-container-runtime"), tables.get("nvidia-container-cli")
        return Settings(
            folder + _FILE,
            str(runtime.get("mode", "auto")) if isinstance(runtime, dict) else "auto",
            cli.get("no-cgroups") is True if isinstance(cli, dict) else False,
        )
    return None


def check_settings(host: Host, daemon: Daemon) -> Iterator[Finding]:
    """Check that reservations work with the toolkit's version and settings."""
    if (version := find_version(host)) is not None:
        yield from _check_version(version, daemon)
    settings = find_settings(host, is_rootless=daemon.is_rootless)
    # As the default runtime, `nvidia` removes the hook that a reservation adds, and adds the GPU itself.
    if settings is None or daemon.default_runtime == "nvidia":
        return
    is_own = not settings.path.startswith("/etc/")
    set_ = f"nvidia-ctk config --config-file={settings.path} --in-place --set" if is_own else f"sudo {_SET}"
    if settings.mode == "cdi":
        text = f'{settings.path} has `mode = "cdi"`, in which GPU reservations fail'
        help_ = (
            f'{set_} nvidia-container-runtime.mode=auto; or `kind = "cdi"` and `device = "nvidia.com/gpu=0"` in [gpus]'
        )
        yield Finding(_SUBJECT, "bad", text, help_)
    if daemon.is_rootless and not settings.has_no_cgroups:
        text = f"Docker without root cannot set cgroups of devices, but {settings.path} lacks `no-cgroups = true`"
        yield Finding(_SUBJECT, "bad", text, f"{set_} nvidia-container-cli.no-cgroups=true")
    if not daemon.is_rootless and settings.has_no_cgroups:
        text = f'{settings.path} has `no-cgroups = true`: containers get "Failed to initialize NVML: Unknown Error"'
        yield Finding(_SUBJECT, "bad", text, f"{set_} nvidia-container-cli.no-cgroups=false")


def _check_version(version: str, daemon: Daemon) -> Iterator[Finding]:
    numbers = dotted(version)
    known = _BROKEN | (_BROKEN_ROOTLESS if daemon.is_rootless else {})
    if numbers < _WITH_CGROUP_2 and daemon.cgroup_version == "2":
        text = f"NVIDIA Container Toolkit {version} does not support cgroup v2, which this host uses"
        yield Finding(_SUBJECT, "bad", text, f"{_UPDATE}; {daemon.restart}")
    elif numbers in known:
        text = f"NVIDIA Container Toolkit {version} {known[numbers]}"
        yield Finding(_SUBJECT, "warning", text, f"{_UPDATE}; {daemon.restart}")
    elif numbers < _SAFE:
        text = f"NVIDIA Container Toolkit {version} lets a hostile image out of its container; 1.17.8 does not"
        yield Finding(_SUBJECT, "note", text, f"{_UPDATE}; {daemon.restart}")
    else:
        yield Finding(_SUBJECT, "good", f"NVIDIA Container Toolkit {version}")
