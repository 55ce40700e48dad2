"""Check the machine: Linux or WSL2, SELinux, and the values in `[host]`."""

from __future__ import annotations

import re
import sys
from typing import TYPE_CHECKING

from modelgen.operate.doctor.daemon import find_daemon
from modelgen.operate.doctor.finding import Finding

if TYPE_CHECKING:
    from modelgen.operate.doctor.host import Host
    from modelgen.operate.doctor.wanted import Wanted

# WSL1 has no kernel of Linux: it calls itself 4.4.0-19041-Microsoft. WSL2's kernels end with -microsoft-standard.
_WSL1 = re.compile(r"\b4\.4\.0-\d+-Microsoft\b", re.ASCII)


def find_platform(host: Host) -> str | None:
    """Return the platform of the containers, as in `[host]`: `linux` or `wsl2`; None on a Mac."""
    daemon = find_daemon(host)
    # Containers use the Engine's kernel, wherever the command runs.
    kernel = (daemon.kernel if daemon else "") or host.read("/proc/version") or ""
    if "microsoft" in kernel.lower():
        return "wsl2"
    if kernel:
        return "linux"
    return "wsl2" if sys.platform == "win32" else None  # Docker Desktop's machine may run in WSL2


def find_selinux(host: Host) -> bool | None:
    """Return whether SELinux is enforcing; None if unknown."""
    if host.which("getenforce") is not None:
        answer = host.run("getenforce")
        return answer.output.strip().lower() == "enforcing" if answer.is_good else None
    return (host.read("/sys/fs/selinux/enforce") or "0").strip() == "1"


def check_platform(host: Host, wanted: Wanted) -> list[Finding]:
    """Check that `[host] platform` is the platform of the containers."""
    if find_daemon(host) is None and _WSL1.search(host.read("/proc/version") or ""):
        text = "this is WSL1, which has neither Docker Engine nor GPUs"
        help_ = "in PowerShell: wsl --list --verbose, then wsl --set-version NAME 2 with the name of this distribution"
        return [Finding("host", "bad", text, help_)]
    found, written = find_platform(host), wanted.host.platform or "linux"
    if found is None:
        return [Finding("host", "unknown", "containers seem to run neither on Linux nor on WSL2")]
    if wanted.document is None or found == written:
        return [Finding("host", "good", f"the platform is {found}")]
    text = f"the platform is {found}, but " + (
        f"models.toml has {written}" if wanted.host.platform else "models.toml has none"
    )
    return [Finding("host", "bad", text, f'`modelgen doctor --write`, or `[host] platform = "{found}"`')]


def check_selinux(host: Host, wanted: Wanted) -> list[Finding]:
    """Check `[host] selinux` against the system: SELinux denies containers the hub and the socket."""
    found, written = find_selinux(host), bool(wanted.host.selinux)
    if found is None:
        return [Finding("host", "unknown", "`getenforce` does not report whether SELinux is enforcing", "getenforce")]
    word = "is enforcing" if found else "is not enforcing"
    if wanted.document is None or found == written:
        return [Finding("host", "good", f"SELinux {word}")]
    if found:
        text = "SELinux is enforcing, and denies containers access to the hub and to Docker's socket"
        return [Finding("host", "bad", text, "`modelgen doctor --write`, or `[host] selinux = true`")]
    text = "SELinux is not enforcing, but models.toml has `selinux = true`"
    return [Finding("host", "warning", text, "`modelgen doctor --write`, or `[host] selinux = false`")]
