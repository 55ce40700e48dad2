"""Check the machine: Linux or WSL2, SELinux, and the values in `[host]`."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from modelgen.operate.doctor.daemon import find_daemon
from modelgen.operate.doctor.finding import Finding

if TYPE_CHECKING:
    from modelgen.operate.doctor.host import Host
    from modelgen.operate.doctor.wanted import Wanted


def find_platform(host: Host) -> str | None:
    """Return where containers run, in `[host]`'s words: `linux` or `wsl2`; None on a Mac."""
    daemon = find_daemon(host)
    # The Engine's kernel is the one that containers have, wherever the command runs.
    kernel = (daemon.kernel if daemon else "") or host.read("/proc/version") or ""
    if "microsoft" in kernel.lower():
        return "wsl2"
    if kernel:
        return "linux"
    return "wsl2" if sys.platform == "win32" else None  # where Docker Desktop's machine is one of WSL2's


def find_selinux(host: Host) -> bool | None:
    """Return whether SELinux enforces; None where it does not say."""
    if host.which("getenforce") is not None:
        answer = host.run("getenforce")
        return answer.output.strip().lower() == "enforcing" if answer.is_good else None
    return (host.read("/sys/fs/selinux/enforce") or "0").strip() == "1"


def check_platform(host: Host, wanted: Wanted) -> list[Finding]:
    """Return whether `[host] platform` is what the containers run on."""
    found, written = find_platform(host), wanted.host.platform or "linux"
    if found is None:
        return [Finding("host", "unknown", "containers run neither on Linux nor on WSL2, as far as can be seen")]
    if wanted.document is None or found == written:
        return [Finding("host", "good", f"the platform is {found}")]
    text = f"the platform is {found}, but " + (
        f"models.toml has {written}" if wanted.host.platform else "it is not said"
    )
    return [Finding("host", "bad", text, f'`modelgen doctor --write`, or `[host] platform = "{found}"`')]


def check_selinux(host: Host, wanted: Wanted) -> list[Finding]:
    """Return whether `[host] selinux` is what the system does: it denies containers the hub and the socket."""
    found, written = find_selinux(host), bool(wanted.host.selinux)
    if found is None:
        return [Finding("host", "unknown", "`getenforce` does not tell whether SELinux enforces", "getenforce")]
    word = "enforces" if found else "does not enforce"
    if wanted.document is None or found == written:
        return [Finding("host", "good", f"SELinux {word}")]
    if found:
        text = "SELinux enforces, and keeps containers from the hub and from Docker's socket"
        return [Finding("host", "bad", text, "`modelgen doctor --write`, or `[host] selinux = true`")]
    text = "SELinux does not enforce, but models.toml has `selinux = true`"
    return [Finding("host", "warning", text, "`modelgen doctor --write`, or `[host] selinux = false`")]
