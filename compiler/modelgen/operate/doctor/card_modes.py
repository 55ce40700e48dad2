"""Check how NVIDIA's GPUs are set up: MIG, the compute mode and MPS; persistence and lowered clocks as notes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from modelgen.operate.doctor.finding import Finding
from modelgen.operate.doctor.jetson import is_jetson
from modelgen.operate.doctor.machine import find_platform
from modelgen.operate.doctor.smi import find_modes, find_slices, find_slowdowns, find_users

if TYPE_CHECKING:
    from collections.abc import Iterator

    from modelgen.operate.doctor.host import Host
    from modelgen.operate.doctor.smi import Modes
    from modelgen.operate.doctor.wanted import Wanted

_SUBJECT = "nvidia"
_MPS = "nvidia-cuda-mps-server"
# nvml.h, nvmlClocksEventReasons; an idle GPU, a power limit and settings of the user are no slowdown.
_SLOWDOWNS = (
    (0x20 | 0x40, "it is too hot"),
    (0x80, "its power supply asks for it"),
    (0x8, "the hardware asks for it, because of heat or power"),
)


def check_modes(host: Host, wanted: Wanted) -> list[Finding]:
    """Check that the modes of the GPUs of `[gpus]` let several engines use them."""
    if not wanted.nvidia or is_jetson(host) or host.which("nvidia-smi") is None:
        return []
    modes = find_modes(host)
    slices = find_slices(host) if any(mode.mig == "Enabled" for mode in modes) else {}
    slowdowns = find_slowdowns(host)
    has_mps = any(user.name.rpartition("/")[2] == _MPS for user in find_users(host))
    findings: list[Finding] = []
    off: list[str] = []
    for name, gpu in wanted.nvidia.items():
        device = gpu.device.partition("=")[2] if gpu.kind == "cdi" else gpu.device
        uuid = slices.get(device, device)
        mode = next((mode for mode in modes if uuid in (mode.index, mode.uuid)), None)
        if mode is not None:
            mine = [] if device in slices else [slice_ for slice_, whole in slices.items() if whole == mode.uuid]
            findings += [
                *(_check_mig(name, mine) if mode.mig == "Enabled" and device not in slices else ()),
                *_check_compute(name, mode, has_mps=has_mps),
                *_check_clocks(name, slowdowns.get(mode.index, 0)),
            ]
            off += [mode.index] if mode.persistence == "Disabled" else []
    return [*findings, *_check_persistence(host, off)]


def _check_mig(name: str, slices: list[str]) -> Iterator[Finding]:
    if slices:
        text = f"{name} is divided into {len(slices)} MIG devices; CUDA uses one of them only, without saying so"
        yield Finding(_SUBJECT, "bad", text, f'`[gpus.{name}] device = "{slices[0]}"`, and a table for each other one')
    else:
        text = f"{name} is in MIG mode without MIG devices, so CUDA sees no GPU"
        help_ = "sudo nvidia-smi -mig 0; or create MIG devices: `nvidia-smi mig -lgip` lists the kinds"
        yield Finding(_SUBJECT, "bad", text, help_)


def _check_compute(name: str, mode: Modes, *, has_mps: bool) -> Iterator[Finding]:
    help_ = f"sudo nvidia-smi -i {mode.index} -c DEFAULT"
    if mode.compute == "Prohibited":
        yield Finding(_SUBJECT, "bad", f"{name} is in compute mode Prohibited, in which CUDA refuses it", help_)
    elif mode.compute == "Exclusive_Process":
        text = (
            f"{name} is in compute mode Exclusive_Process: only one process may use it, and others get "
            '"CUDA-capable device(s) is/are busy or unavailable"'
        )
        # Containers do not see the MPS server of the host (nvidia-container-toolkit#714).
        help_ = f"echo quit | sudo nvidia-cuda-mps-control, then {help_}" if has_mps else help_
        yield Finding(_SUBJECT, "bad", text, help_)
    elif has_mps:
        text = f"{name}: an MPS server runs, which containers cannot reach"
        yield Finding(_SUBJECT, "note", text, "echo quit | sudo nvidia-cuda-mps-control, if nothing else needs it")


def _check_clocks(name: str, reasons: int) -> Iterator[Finding]:
    why = next((why for bits, why in _SLOWDOWNS if reasons & bits), None)
    if why is not None:
        text = f"{name} runs at lower clocks: {why}"
        yield Finding(_SUBJECT, "note", text, "nvidia-smi -q -d PERFORMANCE,TEMPERATURE,POWER")


def _check_persistence(host: Host, off: list[str]) -> Iterator[Finding]:
    if off and find_platform(host) == "linux":
        which = ("GPU " if len(off) == 1 else "GPUs ") + ", ".join(off)
        text = f"persistence mode is off for {which}: the driver loads again when the first model starts"
        yield Finding(_SUBJECT, "note", text, "sudo systemctl enable --now nvidia-persistenced")
