"""Check how containers get NVIDIA's GPUs: by the toolkit's runtime, or by CDI."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from modelgen.operate.doctor.daemon import find_daemon
from modelgen.operate.doctor.finding import Finding
from modelgen.operate.doctor.host import read_text

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from modelgen.operate.doctor.daemon import Daemon
    from modelgen.operate.doctor.host import Host
    from modelgen.operate.doctor.wanted import Wanted

_SUBJECT = "toolkit"
_FOLDERS = ("/etc/cdi", "/var/run/cdi")
_GENERATE = "sudo nvidia-ctk cdi generate --output=/etc/cdi/nvidia.yaml"
_CONFIGURE = (
    "sudo apt-get install nvidia-container-toolkit && sudo nvidia-ctk runtime configure --runtime=docker"
    " && sudo systemctl restart docker"
)
_SWITCH_ON = '`"features": {"cdi": true}` in /etc/docker/daemon.json, then sudo systemctl restart docker'


def check_toolkit(host: Host, wanted: Wanted) -> list[Finding]:
    """Check that Docker can give the GPUs of `[gpus]` to a container."""
    kinds = {gpu.kind or "nvidia" for gpu in wanted.gpus.values()}
    if not kinds & {"nvidia", "cdi"}:
        return []
    daemon = find_daemon(host)
    if daemon is None:
        text = "Docker does not answer, so its access to GPUs is unknown"
        return [Finding(_SUBJECT, "unknown", text)]
    findings = [_runtime(host, daemon)] if "nvidia" in kinds else []
    return [*findings, *_cdi(host, wanted, daemon)]


def check_cgroups(host: Host, wanted: Wanted) -> list[Finding]:
    """Check whether a `systemctl daemon-reload` removes the GPUs from running containers.

    The toolkit's hook adds the GPU without systemd, which removes it when it writes all cgroups again:
    "Failed to initialize NVML: Unknown Error" (NVIDIA Container Toolkit, troubleshooting).
    """
    if all(gpu.kind not in (None, "nvidia") for gpu in wanted.gpus.values()):
        return []
    daemon = find_daemon(host)
    if daemon is None or daemon.is_desktop or daemon.cgroup_driver != "systemd":
        return []
    text = (
        "systemd manages the cgroups: after a `systemctl daemon-reload`, containers lose their GPU "
        '("Failed to initialize NVML: Unknown Error")'
    )
    help_ = (
        f'{_GENERATE}, and `kind = "cdi"` in `[gpus]`; or `"exec-opts": ["native.cgroupdriver=cgroupfs"]` in '
        "/etc/docker/daemon.json, then sudo systemctl restart docker"
    )
    return [Finding(_SUBJECT, "warning", text, help_)]


def _runtime(host: Host, daemon: Daemon) -> Finding:
    # A reservation needs only the hook on the Engine's PATH; the toolkit's setup also registers the runtime.
    if "nvidia" in daemon.runtimes or host.which("nvidia-container-runtime-hook"):
        return Finding(_SUBJECT, "good", "the NVIDIA Container Toolkit is installed")
    if daemon.is_desktop:
        text = "Docker Desktop includes the toolkit; only a container can show whether it sees the GPU"
        return Finding(_SUBJECT, "unknown", text, "docker run --rm --gpus all ubuntu nvidia-smi")
    text = 'Docker has no access to NVIDIA\'s GPUs ("could not select device driver"): it has no runtime `nvidia`'
    return Finding(_SUBJECT, "bad", text, _CONFIGURE)


def _cdi(host: Host, wanted: Wanted, daemon: Daemon) -> Iterator[Finding]:
    cards = {name: gpu.device for name, gpu in wanted.gpus.items() if gpu.kind == "cdi"}
    if not cards:
        return
    if not daemon.cdi_folders:
        text = "CDI is disabled in Docker, or the Engine is older than 25"
        yield Finding(_SUBJECT, "bad", text, _SWITCH_ON)
        return
    found = set(_described(host, [*dict.fromkeys([*daemon.cdi_folders, *_FOLDERS])]))
    for name, device in cards.items():
        if device in found:
            yield Finding(_SUBJECT, "good", f"{name}: CDI describes {device}")
        else:
            there = f"it describes {', '.join(sorted(found)[:8])}" if found else "it describes no device"
            yield Finding(_SUBJECT, "bad", f"{name} is {device}, which CDI does not describe; {there}", _GENERATE)


def _described(host: Host, folders: Iterable[str]) -> Iterator[str]:
    """Yield the names of all devices that CDI's files describe."""
    for folder in folders:
        try:
            paths = sorted(host.path(folder).iterdir())
        except (OSError, ValueError):
            continue
        for path in paths:
            if path.suffix in (".json", ".yaml", ".yml"):
                yield from _devices(read_text(path) or "")


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
