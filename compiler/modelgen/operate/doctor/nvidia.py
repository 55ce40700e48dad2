"""Check NVIDIA's driver and GPUs against the images and `[gpus]`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from modelgen.engines.host import TOOLKIT_DRIVERS, dotted, oldest_driver
from modelgen.engines.host.cards import find_known
from modelgen.operate.doctor.daemon import compare
from modelgen.operate.doctor.finding import Finding
from modelgen.operate.doctor.gpu_findings import in_gib, less_memory, other_card
from modelgen.operate.doctor.jetson import check_jetson, is_jetson
from modelgen.operate.doctor.machine import find_platform
from modelgen.operate.doctor.smi import ask_cards, find_cards, find_slices

if TYPE_CHECKING:
    from collections.abc import Iterator

    from modelgen.config import Gpu
    from modelgen.operate.doctor.host import Host
    from modelgen.operate.doctor.smi import Card
    from modelgen.operate.doctor.wanted import Wanted

_SUBJECT = "nvidia"
_INSTALL = "install the driver: https://docs.nvidia.com/datacenter/tesla/driver-installation-guide/"
_UPDATE_WINDOWS = "install NVIDIA's driver in Windows (none in WSL2), then in PowerShell: wsl --update; wsl --shutdown"
_BLOCKED = "gpu access blocked by the operating system"


def check_driver(host: Host, wanted: Wanted) -> list[Finding]:
    """Check that the driver is installed and supports the CUDA of all images."""
    if not wanted.nvidia:
        return []
    if is_jetson(host):
        return check_jetson(host, wanted)
    if host.which("nvidia-smi") is None:
        if find_platform(host) == "wsl2":
            text = "`nvidia-smi` is missing: Windows has no NVIDIA driver, or WSL2 does not pass it on"
            return [Finding(_SUBJECT, "bad", text, _UPDATE_WINDOWS)]
        return [Finding(_SUBJECT, "bad", "`nvidia-smi` is missing: NVIDIA's driver is not installed", _INSTALL)]
    cards = find_cards(host)
    if not cards:
        return [_no_answer(host)]
    driver = cards[0].driver
    update = _UPDATE_WINDOWS if find_platform(host) == "wsl2" else _INSTALL
    # Other GPUs run the newer CUDA by the compatibility libraries of the image.
    geforce = next((card.name for card in cards if "GeForce" in card.name), "")
    against = (_against(driver, image, cuda, update, geforce) for image, cuda in wanted.cuda.items())
    findings = [found for found in against if found]
    written = wanted.host.driver
    order = compare(driver, written) if written else 0
    if order:
        help_ = f'`modelgen doctor --write`, or `[host] driver = "{driver}"`'
        text = f"the driver is {driver}, but models.toml has {written}"
        findings.append(Finding(_SUBJECT, "bad" if order < 0 else "warning", text, help_))
    return findings or [Finding(_SUBJECT, "good", f"driver {driver}" + (" supports all images" if wanted.cuda else ""))]


def check_cards(host: Host, wanted: Wanted) -> list[Finding]:
    """Check that each GPU of `[gpus]` exists, with the memory that is written."""
    if not wanted.nvidia or is_jetson(host) or not (cards := find_cards(host)):
        return []
    found = [_against_card(host, name, gpu, wanted.memory_of(name), cards) for name, gpu in wanted.nvidia.items()]
    return [*found, *_by_index(host, wanted, cards)]


def _by_index(host: Host, wanted: Wanted, cards: list[Card]) -> Iterator[Finding]:
    """Recommend the UUIDs of GPUs where a host has several: an index changes when one is added, or fails at a start."""
    uuids = {card.index: card.uuid for card in cards}
    lines = [
        f'`[gpus.{name}] device = "{uuids[gpu.device]}"`'
        for name, gpu in wanted.nvidia.items()
        if gpu.kind != "cdi" and gpu.device in uuids
    ]
    # In WSL2, older engines take only indexes.
    if lines and len(cards) > 1 and find_platform(host) != "wsl2":
        text = "the index of a GPU may be that of another one after a reboot; its UUID stays"
        yield Finding(_SUBJECT, "note", text, ", ".join(lines))


def _no_answer(host: Host) -> Finding:
    answer = ask_cards(host)
    if answer.is_late:
        return Finding(_SUBJECT, "bad", "`nvidia-smi` did not answer in time: a GPU or its driver hangs", "reboot")
    everything = f"{answer.errors}\n{answer.output}"
    said = everything.strip().splitlines()
    if find_platform(host) == "wsl2":  # which has no module of its own, and nothing about the GPU in dmesg
        is_blocked = _BLOCKED in everything.lower()
        text = "Windows blocks the GPU for WSL2: its driver or WSL is too old, or the GPU is in TCC mode"
        if not is_blocked:
            text = f"`nvidia-smi` shows no GPU in WSL2: {said[0][:200] if said else f'it ended with {answer.code}'}"
        return Finding(_SUBJECT, "bad", text, _UPDATE_WINDOWS)
    if "version mismatch" in everything.lower():
        text = "NVIDIA's driver was updated, but its old module is still loaded"
        return Finding(_SUBJECT, "bad", text, "reboot")
    if "gpu is lost" in everything.lower():
        text = "`nvidia-smi` says that a GPU is lost: it does not answer any more"
        return Finding(_SUBJECT, "bad", text, "reboot; `sudo dmesg | grep -i xid` shows why it was lost")
    text = f"`nvidia-smi` shows no GPU: {said[0][:200] if said else f'it ended with {answer.code}'}"
    return Finding(_SUBJECT, "bad", text, "run `nvidia-smi` and `sudo dmesg | grep -i nvrm`")


def _against(driver: str, image: str, cuda: tuple[int, int], update: str, geforce: str) -> Finding | None:
    name, oldest, own = f"CUDA {cuda[0]}.{cuda[1]}", oldest_driver(cuda), TOOLKIT_DRIVERS.get(cuda)
    if dotted(driver) < oldest:
        text = f"driver {driver} does not support {image}: {name} needs {oldest[0]} or newer"
        return Finding(_SUBJECT, "bad", text, f"{update}; or use an older image")
    if geforce and own is not None and dotted(driver) < (own,):
        text = f"driver {driver} is older than {image}'s {name}, which came with {own}: {geforce} is refused"
        return Finding(_SUBJECT, "warning", text, f"update the driver to {own} or newer")
    return None


def _against_card(host: Host, name: str, gpu: Gpu, memory: int, cards: list[Card]) -> Finding:
    device = gpu.device.partition("=")[2] if gpu.kind == "cdi" else gpu.device
    here = ", ".join(f"{card.index} ({card.name}, {card.uuid})" for card in cards)
    if device.startswith("MIG-"):
        if device in find_slices(host):
            return Finding(_SUBJECT, "good", f"{name} is {device}")
        text, help_ = f"{name} is {device}, which does not exist", "run `nvidia-smi -L` to list MIG devices"
        return Finding(_SUBJECT, "bad", text, help_)
    card = next((card for card in cards if device in (card.index, card.uuid)), None)
    if card is None and gpu.kind == "cdi" and not device.isdigit() and not device.startswith("GPU-"):
        return Finding(_SUBJECT, "unknown", f"{name} is {gpu.device}; only CDI's file names the GPU")
    if card is None:
        text = f"{name} is GPU {device}, which does not exist; there is {here}"
        return Finding(_SUBJECT, "bad", text, f'`[gpus.{name}] device = "{cards[0].index}"`')
    if gpu.card and (found := find_known(card.name, card.memory)) and found != find_known(gpu.card, gpu.memory):
        return other_card(_SUBJECT, name, gpu, card.name, found[0].name)
    if card.memory is None:
        return _without_memory(name, gpu, card)
    has_enough = Finding(_SUBJECT, "good", f"{name} is {card.name} with {in_gib(card.memory)} GiB")
    return less_memory(_SUBJECT, name, card.name, card.memory, memory) or has_enough


def _without_memory(name: str, gpu: Gpu, card: Card) -> Finding:
    """Return the finding on a GPU that reports no memory: one that shares the host's, or one that hangs."""
    shared = next((known for known in find_known(card.name) if known.unified), None)
    if shared and gpu.card:
        return Finding(_SUBJECT, "good", f"{name} is {card.name}")
    help_ = f"run `nvidia-smi -i {card.index}`: with `ERR!` the GPU hangs, and the host needs a reboot"
    if shared:
        help_ = f'`[gpus.{name}] card = "{shared.name}"` says it'
    return Finding(_SUBJECT, "unknown", f"{name} is {card.name}, which does not report its memory", help_)
