"""Check how containers get NVIDIA's GPUs: by the toolkit's runtime, or by CDI."""

from __future__ import annotations

from typing import TYPE_CHECKING

from modelgen.operate.doctor.cdi import GENERATE, check_cdi
from modelgen.operate.doctor.daemon import find_daemon
from modelgen.operate.doctor.finding import Finding
from modelgen.operate.doctor.installations import why_without_cards
from modelgen.operate.doctor.jetson import check_jetson_runtime, is_jetson
from modelgen.operate.doctor.toolkit_settings import check_settings, configure_toolkit

if TYPE_CHECKING:
    from modelgen.operate.doctor.daemon import Daemon
    from modelgen.operate.doctor.host import Host
    from modelgen.operate.doctor.wanted import Wanted

_SUBJECT = "toolkit"


def check_toolkit(host: Host, wanted: Wanted) -> list[Finding]:
    """Check that Docker can give the GPUs of `[gpus]` to a container."""
    kinds = {gpu.kind or "nvidia" for gpu in wanted.gpus.values()}
    if not kinds:
        return []
    daemon = find_daemon(host)
    if daemon is None:
        text = "Docker does not answer, so its access to GPUs is unknown"
        return [Finding(_SUBJECT, "unknown", text)]
    if (problem := why_without_cards(host, wanted, daemon)) is not None:
        return [problem]
    findings = []
    if "nvidia" in kinds and is_jetson(host):
        findings = check_jetson_runtime(wanted, daemon)
    elif "nvidia" in kinds:
        findings = [_runtime(host, daemon), *check_settings(host, daemon)]
    return [*findings, *check_cdi(host, wanted, daemon)]


def check_cgroups(host: Host, wanted: Wanted) -> list[Finding]:
    """Check whether a `systemctl daemon-reload` removes the GPUs from running containers.

    The toolkit's hook adds the GPU without systemd, which removes it when it writes all cgroups again:
    "Failed to initialize NVML: Unknown Error" (NVIDIA Container Toolkit, troubleshooting). A Docker without root sets
    no cgroups of devices.
    """
    if all(gpu.kind not in (None, "nvidia") for gpu in wanted.gpus.values()):
        return []
    daemon = find_daemon(host)
    if daemon is None or daemon.is_desktop or daemon.is_snap or daemon.is_rootless:
        return []
    if daemon.cgroup_driver != "systemd":
        return []
    text = (
        "systemd manages the cgroups: after a `systemctl daemon-reload`, containers lose their GPU "
        '("Failed to initialize NVML: Unknown Error")'
    )
    help_ = (
        f'{GENERATE}, and `kind = "cdi"` in `[gpus]`; or `"exec-opts": ["native.cgroupdriver=cgroupfs"]` in '
        f"{daemon.settings}, then {daemon.restart}"
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
    return Finding(_SUBJECT, "bad", text, configure_toolkit(daemon))
