"""Check a Jetson, whose driver is a part of Jetson Linux and whose containers get the GPU by the runtime `nvidia`."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from modelgen.engines.host.cards import find_known
from modelgen.operate.doctor.finding import Finding
from modelgen.operate.doctor.toolkit_settings import configure_toolkit

if TYPE_CHECKING:
    from modelgen.operate.doctor.daemon import Daemon
    from modelgen.operate.doctor.host import Host
    from modelgen.operate.doctor.wanted import Wanted

_RELEASE = re.compile(r"R(\d{2}) \(release\), REVISION: (\d+(?:\.\d+)*)", re.ASCII)
_OF_IMAGE = re.compile(r"(?:^|[:_-])r(\d{2})\.\d", re.ASCII)
_KIT = re.compile(r" (?:Engineering Reference )?Developer Kit.*", re.DOTALL)
_MODEL = "/proc/device-tree/model"


def is_jetson(host: Host) -> bool:
    """Return whether the host is a Jetson."""
    return "jetson" in (find_model(host) or "").lower() or host.path("/etc/nv_tegra_release").exists()


def find_model(host: Host) -> str | None:
    """Return the name of the board, such as `NVIDIA Jetson AGX Orin Developer Kit`."""
    return (host.read(_MODEL) or "").strip("\0\n ") or None


def find_product(host: Host) -> str:
    """Return the name of the board without its kind, such as `NVIDIA Jetson AGX Orin`."""
    return _KIT.sub("", find_model(host) or "NVIDIA Jetson")


def check_jetson(host: Host, wanted: Wanted) -> list[Finding]:
    """Check that images are for the release of Jetson Linux, and that models.toml knows that it is a Jetson."""
    found = _RELEASE.search(host.read("/etc/nv_tegra_release") or "")
    release = f"Jetson Linux {found[1]}.{found[2]}" if found else "Jetson Linux of an unknown release"
    findings = [
        Finding("nvidia", "good", f"{find_model(host) or 'a Jetson'} with {release}, which includes the driver")
    ]
    for run in wanted.runs.values():
        image = _OF_IMAGE.search(run.reference or "")
        if found and image and image[1] != found[1]:
            text = f"{run.reference} is for Jetson Linux {image[1]}, but this is {release}"
            findings.append(Finding("nvidia", "warning", text, f"use an `image` whose tag has `r{found[1]}`"))
    modules = find_known(find_product(host))
    for name, gpu in wanted.jetsons.items():
        if modules and gpu.card and not {*modules} & {*find_known(gpu.card)}:
            text = f'{name} is {find_product(host)}, but models.toml has `card = "{gpu.card}"`'
            names = " or ".join(f'`card = "{one.name}"`' for one in modules)
            findings.append(Finding("nvidia", "bad", text, f"write in [gpus.{name}]: {names}"))
    return findings


def check_jetson_runtime(wanted: Wanted, daemon: Daemon) -> list[Finding]:
    """Check that containers get the GPU by the runtime `nvidia`.

    There, the toolkit is in the mode `csv`, in which its hook refuses reservations (cmd/nvidia-container-runtime-hook).
    """
    if "nvidia" not in daemon.runtimes:
        text = "Docker has no runtime `nvidia`, by which a Jetson provides its GPU"
        return [Finding("toolkit", "bad", text, configure_toolkit(daemon))]
    reserved = [name for name in wanted.gpus if name not in wanted.jetsons]
    if reserved and daemon.default_runtime != "nvidia":
        text = f"{reserved[0]} would be reserved, but a Jetson provides its GPU only by the runtime `nvidia`"
        help_ = f'`[gpus.{reserved[0]}] card = "Jetson AGX Orin 64GB"`, or the name of your module'
        return [Finding("toolkit", "bad", text, help_)]
    return [Finding("toolkit", "good", "Docker has the runtime `nvidia`")]
