"""Check AMD's device files and the groups that can open them, and AMD's GPUs against `[gpus]`."""

from __future__ import annotations

import os
import stat
from typing import TYPE_CHECKING

from modelgen.engines.host.cards import find_known
from modelgen.operate.doctor.daemon import find_daemon
from modelgen.operate.doctor.finding import Finding
from modelgen.operate.doctor.gpu_findings import less_memory, other_card
from modelgen.operate.doctor.rocm import DRIVER_DEVICE, find_rocm_cards, groups_needed

if TYPE_CHECKING:
    from collections.abc import Iterator

    from modelgen.config import Gpu
    from modelgen.operate.doctor.host import Host
    from modelgen.operate.doctor.rocm import RocmCard
    from modelgen.operate.doctor.wanted import Wanted

_SUBJECT = "amd"
_ALL = DRIVER_DEVICE
_DENIED = f"Unable to open {_ALL} read-write: Permission denied"


def check_amd(host: Host, wanted: Wanted) -> list[Finding]:
    """Check that the device files of AMD's GPUs exist and that the configured groups can open them."""
    cards = {name: gpu for name, gpu in wanted.gpus.items() if gpu.kind == "amd"}
    if not cards:
        return []
    findings = [found for name, gpu in cards.items() for found in _check_card(host, name, gpu)]
    installed = {card.device: card for card in find_rocm_cards(host)}
    for name, gpu in cards.items():
        if card := installed.get(gpu.device):
            findings += _against(name, gpu, wanted.memory_of(name), card)
    return [*findings, *_check_rights(host, wanted)]


def _against(name: str, gpu: Gpu, memory: int, card: RocmCard) -> Iterator[Finding]:
    """Compare the GPU of a table with the installed one; an APU reports only the memory that is set aside for it."""
    found = find_known(card.name, card.memory)
    if gpu.card and found and not {*found} & {*find_known(gpu.card, gpu.memory)}:
        yield other_card(_SUBJECT, name, gpu, card.name, found[0].name)
    elif found and not found[0].unified and card.memory:
        yield from filter(None, [less_memory(_SUBJECT, name, card.name, card.memory, memory)])


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


def _check_rights(host: Host, wanted: Wanted) -> Iterator[Finding]:
    """Check what opens the device files without `groups`: this user's processes, and Docker without root."""
    if not host.path(_ALL).exists():
        return
    answer = host.run("rocminfo") if host.which("rocminfo") else None
    is_denied = answer is not None and _DENIED in f"{answer.output}{answer.errors}"
    if is_denied or not os.access(host.path(_ALL), os.R_OK | os.W_OK):
        text = f"this user cannot open {_ALL}: `modelgen serve` and `rocminfo` find no GPU; containers use `groups`"
        is_for_serve = any(run.reference is None for run in wanted.runs.values())
        help_ = "sudo usermod -aG render,video $USER, then log in again"
        yield Finding(_SUBJECT, "warning" if is_for_serve else "note", text, help_)
    daemon = find_daemon(host)
    if daemon is not None and daemon.is_rootless and not host.path(_ALL).stat().st_mode & stat.S_IWOTH:
        # ROCm/legacy-rocm-build#1549: the user namespace has no such group. A udev rule: #5613.
        text = f"Docker without root cannot pass the groups of {_ALL} on to containers"
        help_ = 'a udev rule with `KERNEL=="kfd", MODE="0666"` and one for the render nodes, or Docker with root'
        yield Finding(_SUBJECT, "warning", text, help_)


def _named(groups: set[int]) -> str:
    return f"group{'s' if len(groups) > 1 else ''} {' and '.join(map(str, sorted(groups)))}"
