"""Check AMD's device files and the groups that can open them."""

from __future__ import annotations

import stat
from typing import TYPE_CHECKING

from modelgen.operate.doctor.finding import Finding

if TYPE_CHECKING:
    from collections.abc import Iterator

    from modelgen.config import Gpu
    from modelgen.operate.doctor.host import Host
    from modelgen.operate.doctor.wanted import Wanted

_SUBJECT = "amd"
_ALL = "/dev/kfd"
_OPEN = stat.S_IROTH | stat.S_IWOTH


def check_amd(host: Host, wanted: Wanted) -> list[Finding]:
    """Check that the device files of AMD's GPUs exist and that the configured groups can open them."""
    cards = {name: gpu for name, gpu in wanted.gpus.items() if gpu.kind == "amd"}
    return [found for name, gpu in cards.items() for found in _check_card(host, name, gpu)]


def _check_card(host: Host, name: str, gpu: Gpu) -> Iterator[Finding]:
    try:
        groups = groups_needed(host, gpu.device)
    except (OSError, ValueError):
        is_driver = not host.path(_ALL).exists()
        text = f"{name}: {_ALL if is_driver else gpu.device} does not exist"
        text += ": AMD's driver is not loaded" if is_driver else ""
        yield Finding(_SUBJECT, "bad", text, "sudo modprobe amdgpu" if is_driver else "ls /dev/dri")
        return
    if missing := groups - {*(gpu.groups or ())}:
        text = f"{name}: a container cannot open {_ALL} and {gpu.device} without {_named(missing)}"
        whole = ", ".join(map(str, sorted({*groups, *(gpu.groups or ())})))
        yield Finding(_SUBJECT, "bad", text, f"`[gpus.{name}] groups = [{whole}]`")
    else:
        yield Finding(_SUBJECT, "good", f"{name}: {_ALL} and {gpu.device} exist")


def groups_needed(host: Host, device: str) -> set[int]:
    """Return the groups that can open a GPU's device files, where not everyone can.

    Raises:
        OSError: A file does not exist.
        ValueError: The path is not one.
    """
    statuses = [host.path(path).stat() for path in (_ALL, device)]
    return {status.st_gid for status in statuses if status.st_mode & _OPEN != _OPEN}


def _named(groups: set[int]) -> str:
    return f"group{'s' if len(groups) > 1 else ''} {' and '.join(map(str, sorted(groups)))}"
