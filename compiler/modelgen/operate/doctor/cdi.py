"""Check the CDI specifications: present, for the running driver, and without duplicates."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from modelgen.operate.doctor.finding import Finding
from modelgen.operate.doctor.host import read_text
from modelgen.operate.doctor.smi import find_driver

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from modelgen.operate.doctor.daemon import Daemon
    from modelgen.operate.doctor.host import Host
    from modelgen.operate.doctor.wanted import Wanted

_SUBJECT = "toolkit"
_FOLDERS = ("/etc/cdi", "/var/run/cdi")
_DRIVER = re.compile(r"/lib(?:cuda|nvidia-ml)\.so\.(\d{2,4}(?:\.\d{1,4}){1,2})\b", re.ASCII)
GENERATE = "sudo nvidia-ctk cdi generate --output=/etc/cdi/nvidia.yaml"


@dataclass(frozen=True)
class Spec:
    """One file of CDI.

    Args:
        path: The file.
        devices: The names of its devices, such as `nvidia.com/gpu=0`.
        driver: Version of NVIDIA's driver whose files it mounts; None if it names none.
    """

    path: Path
    devices: tuple[str, ...]
    driver: str | None


def check_cdi(host: Host, wanted: Wanted, daemon: Daemon) -> Iterator[Finding]:
    """Check that CDI describes the GPUs of kind `cdi`, with the files of the running driver."""
    cards = {name: gpu.device for name, gpu in wanted.gpus.items() if gpu.kind == "cdi"}
    if not cards:
        return
    if not daemon.cdi_folders:
        text = "CDI is disabled in Docker, or the Engine is older than 25"
        help_ = f'`"features": {{"cdi": true}}` in {daemon.settings}, then {daemon.restart}'
        yield Finding(_SUBJECT, "bad", text, help_)
        return
    specs = [*_find_specs(host, [*dict.fromkeys([*daemon.cdi_folders, *_FOLDERS])])]
    found = {device for spec in specs for device in spec.devices}
    for name, device in cards.items():
        if device not in found:
            there = f"it describes {', '.join(sorted(found)[:8])}" if found else "it describes no device"
            yield Finding(_SUBJECT, "bad", f"{name} is {device}, which CDI does not describe; {there}", GENERATE)
            continue
        mine = [spec for spec in specs if device in spec.devices]
        yield _check_device(host, name, device, mine)


def _check_device(host: Host, name: str, device: str, specs: list[Spec]) -> Finding:
    # Of two folders the later wins; two files of one folder are a conflict (CDI: pkg/cdi/cache.go).
    folder, count = Counter(spec.path.parent for spec in specs).most_common(1)[0]
    if count > 1:
        files = " and ".join(str(spec.path) for spec in specs if spec.path.parent == folder)
        text = f"{name}: {files} both describe {device}, so Docker refuses it as unresolvable"
        return Finding(_SUBJECT, "bad", text, "remove one of them, then run `nvidia-ctk cdi list`")
    spec, running = specs[-1], find_driver(host)
    if spec.driver and running and spec.driver != running:
        text = f"{spec.path} is for driver {spec.driver}, but {running} runs: its files no longer exist"
        return Finding(_SUBJECT, "bad", text, f"sudo nvidia-ctk cdi generate --output={spec.path}")
    return Finding(_SUBJECT, "good", f"{name}: CDI describes {device}")


def _find_specs(host: Host, folders: Iterable[str]) -> Iterator[Spec]:
    """Yield all files that can be read."""
    for folder in folders:
        try:
            paths = sorted(host.path(folder).iterdir())
        except (OSError, ValueError):
            continue
        for path in paths:
            if path.suffix in (".json", ".yaml", ".yml"):
                text = read_text(path) or ""
                drivers = Counter(_DRIVER.findall(text)).most_common(1)
                yield Spec(path, tuple(_devices(text)), drivers[0][0] if drivers else None)


def _devices(text: str) -> Iterator[str]:
    import yaml

    try:
        spec: Any = yaml.safe_load(text)  # JSON is YAML too
    except (yaml.YAMLError, RecursionError, ValueError):
        return
    devices = spec.get("devices") if isinstance(spec, dict) else None
    for device in devices if isinstance(devices, list) else ():
        if isinstance(device, dict):
            yield f"{spec.get('kind')}={device.get('name')}"
