"""Parse the output of `nvidia-smi`."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from modelgen.operate.doctor.jetson import find_product, is_jetson

if TYPE_CHECKING:
    from modelgen.operate.doctor.host import Host
    from modelgen.operate.programs import Answer

_DRIVER = re.compile(r"\d{1,6}(?:\.\d{1,6}){1,3}", re.ASCII)
_MIG = re.compile(r"\(UUID:\s*(MIG-[^)\s]+)\)")
_WHOLE = re.compile(r"^GPU .*\(UUID:\s*(GPU-[^)\s]+)\)")
_TOTAL = re.compile(r"^MemTotal:\s+(\d{1,12}) kB", re.MULTILINE | re.ASCII)
_BITS = re.compile(r"0x[0-9a-fA-F]{1,16}")
_CAPABILITY = re.compile(r"\d{1,2}\.\d", re.ASCII)
_MEBIBYTES = re.compile(r"\d{1,8}", re.ASCII)


@dataclass(frozen=True)
class Card:
    """An NVIDIA GPU.

    Args:
        index: The index in the order of the PCI bus, as containers use it.
        uuid: The UUID, such as `GPU-5a1c…`.
        name: The product name, such as `NVIDIA GeForce RTX 4090`.
        memory: The memory in bytes; None if it has none of its own (DGX Spark).
        driver: The version of the driver; empty for a Jetson.
    """

    index: str
    uuid: str
    name: str
    memory: int | None
    driver: str


@dataclass(frozen=True)
class Modes:
    """The modes of a GPU, in the words of the driver; `[N/A]` where the GPU has no such mode.

    Args:
        index: The index.
        uuid: The UUID.
        mig: `Enabled` if it is divided into MIG devices.
        compute: The processes that may compute on it: `Default`, `Exclusive_Process` or `Prohibited`.
        persistence: `Enabled` if the driver stays loaded without users.
    """

    index: str
    uuid: str
    mig: str
    compute: str
    persistence: str


@dataclass(frozen=True)
class User:
    """A process that computes on a GPU.

    Args:
        uuid: The UUID of the GPU.
        pid: The process.
        name: Its program.
        memory: The bytes that it uses there; None if they are not reported (WSL2).
    """

    uuid: str
    pid: str
    name: str
    memory: int | None


def ask_cards(host: Host) -> Answer:
    """Return the output of `nvidia-smi` for all GPUs."""
    query = "--query-gpu=index,uuid,name,memory.total,driver_version"
    return host.run("nvidia-smi", query, "--format=csv,noheader,nounits")


def find_cards(host: Host) -> list[Card]:
    """Return the installed GPUs; none if the driver does not answer."""
    if is_jetson(host):
        return [_jetson(host)]
    answer = ask_cards(host)
    return [card for line in answer.output.splitlines() if (card := _card(line))] if answer.is_good else []


def find_driver(host: Host) -> str | None:
    """Return the version of the driver; None for a Jetson, whose driver has numbers of its own."""
    return next((card.driver for card in find_cards(host)), None) or None


def _jetson(host: Host) -> Card:
    """Return the GPU of a Jetson, of which the driver reports neither name nor memory."""
    total = _TOTAL.search(host.read("/proc/meminfo") or "")
    return Card("0", "", find_product(host), int(total[1]) * 1024 if total else None, "")


def find_slices(host: Host) -> dict[str, str]:
    """Return the UUIDs of the MIG devices, each with the UUID of its GPU."""
    found, whole = {}, ""
    for line in host.run("nvidia-smi", "-L").output.splitlines():
        if match := _WHOLE.search(line):
            whole = match[1]
        elif match := _MIG.search(line):
            found[match[1]] = whole
    return found


def find_modes(host: Host) -> list[Modes]:
    """Return the modes of the GPUs; none if the driver does not answer or knows no such modes."""
    query = "--query-gpu=index,uuid,mig.mode.current,compute_mode,persistence_mode"
    return [Modes(*row) for row in _rows(host, query, 5)]


def find_slowdowns(host: Host) -> dict[str, int]:
    """Return why the clocks of the GPUs are lowered, as bits of nvml.h, by index."""
    names = ("clocks_event_reasons", "clocks_throttle_reasons")  # before driver 535
    rows = next((found for name in names if (found := _rows(host, f"--query-gpu=index,{name}.active", 2))), [])
    return {index: int(bits, 16) for index, bits in rows if _BITS.fullmatch(bits)}


def find_used(host: Host) -> dict[str, int]:
    """Return the bytes that are used of each GPU, by UUID."""
    rows = _rows(host, "--query-gpu=uuid,memory.used", 2)
    return {uuid: size for uuid, used in rows if (size := _bytes(used)) is not None}


def find_users(host: Host) -> list[User]:
    """Return the processes that compute on a GPU."""
    rows = _rows(host, "--query-compute-apps=gpu_uuid,pid,process_name,used_memory", 4)
    return [User(uuid, pid, name, _bytes(used)) for uuid, pid, name, used in rows if pid.isdigit()]


def find_capabilities(host: Host) -> dict[str, str]:
    """Return the compute capabilities of the GPUs, such as `8.6`, by UUID; none before driver 510 (candle#733)."""
    rows = _rows(host, "--query-gpu=uuid,compute_cap", 2)
    return {uuid: capability for uuid, capability in rows if _CAPABILITY.fullmatch(capability)}


def _rows(host: Host, query: str, count: int) -> list[list[str]]:
    answer = host.run("nvidia-smi", query, "--format=csv,noheader,nounits")
    if not answer.is_good:
        return []
    rows = [[cell.strip() for cell in line.split(",")] for line in answer.output.splitlines()]
    return [row for row in rows if len(row) == count]


def _bytes(text: str) -> int | None:
    return int(text) * 2**20 if _MEBIBYTES.fullmatch(text) else None


def _card(line: str) -> Card | None:
    index, *rest = (cell.strip() for cell in line.split(","))
    if len(rest) < 4 or not _DRIVER.fullmatch(rest[-1]):
        return None
    return Card(index, rest[0], ", ".join(rest[1:-2]), _bytes(rest[-2]), rest[-1])
