"""Parse the output of `rocm-smi`, and find the device files of AMD's GPUs."""

from __future__ import annotations

import json
import re
import stat
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from modelgen.operate.doctor.host import Host

DRIVER_DEVICE = "/dev/kfd"
"""The device file of AMD's driver, which every container with a GPU opens."""
_OPEN = stat.S_IROTH | stat.S_IWOTH
_QUERY = ("--showproductname", "--showmeminfo", "vram", "--showbus", "--json")
_BUS = re.compile(r"[0-9A-Fa-f]{4}:[0-9A-Fa-f]{2}:[0-9A-Fa-f]{2}\.[0-7]")
_NODE = re.compile(r"renderD\d+")


@dataclass(frozen=True)
class RocmCard:
    """An AMD GPU.

    Args:
        name: The product name, such as `AMD Instinct MI300X OAM`.
        memory: The memory in bytes; None if it is not reported.
        device: Its device file, such as `/dev/dri/renderD128`.
        groups: The groups that can open it and /dev/kfd, where not everyone can.
    """

    name: str
    memory: int | None
    device: str
    groups: tuple[int, ...]


def find_rocm_cards(host: Host) -> list[RocmCard]:
    """Return the installed GPUs, in the order of the program; none if it does not answer, or without device files."""
    answer = host.run("rocm-smi", *_QUERY)
    start = answer.output.find("{")  # warnings may come first
    if not answer.is_good or start < 0:
        return []
    try:
        found = json.loads(answer.output[start:])
    except (ValueError, RecursionError):
        return []
    tables = found.items() if isinstance(found, dict) else ()
    cards = [_card(host, table) for key, table in tables if key.startswith("card") and isinstance(table, dict)]
    return [card for card in cards if card is not None]


def _card(host: Host, table: dict[str, object]) -> RocmCard | None:
    texts = {key.lower(): value for key, value in table.items() if isinstance(value, str)}
    bus, total = texts.get("pci bus", ""), texts.get("vram total memory (b)", "")
    device = _device(host, bus.lower()) if _BUS.fullmatch(bus) else None
    if device is None:
        return None
    memory = int(total) if total.isascii() and total.isdigit() and len(total) < 16 else None
    return RocmCard(texts.get("card series", ""), memory, device, _groups(host, device))


def _device(host: Host, bus: str) -> str | None:
    """Return the device file of a PCI device."""
    try:
        names = sorted(entry.name for entry in host.path(f"/sys/bus/pci/devices/{bus}/drm").iterdir())
    except OSError:
        return None
    return next((f"/dev/dri/{name}" for name in names if _NODE.fullmatch(name)), None)


def _groups(host: Host, device: str) -> tuple[int, ...]:
    try:
        return tuple(sorted(groups_needed(host, device)))
    except (OSError, ValueError):
        return ()


def groups_needed(host: Host, device: str) -> set[int]:
    """Return the groups that can open a GPU's device files, where not everyone can.

    Raises:
        OSError: A file does not exist.
        ValueError: The path is not one.
    """
    statuses = [host.path(path).stat() for path in (DRIVER_DEVICE, device)]
    return {status.st_gid for status in statuses if status.st_mode & _OPEN != _OPEN}
