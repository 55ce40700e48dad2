"""Parse the output of `nvidia-smi`."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from modelgen.operate.doctor.host import Host
    from modelgen.operate.programs import Answer

_DRIVER = re.compile(r"\d{1,6}(?:\.\d{1,6}){1,3}", re.ASCII)
_MIG = re.compile(r"\(UUID:\s*(MIG-[^)\s]+)\)")


@dataclass(frozen=True)
class Card:
    """An NVIDIA GPU.

    Args:
        index: The index in the order of the PCI bus, as containers use it.
        uuid: The UUID, such as `GPU-5a1c…`.
        name: The product name, such as `NVIDIA GeForce RTX 4090`.
        memory: The memory in bytes; None if it has none of its own (DGX Spark).
        driver: The version of the driver.
    """

    index: str
    uuid: str
    name: str
    memory: int | None
    driver: str


def ask_cards(host: Host) -> Answer:
    """Return the output of `nvidia-smi` for all GPUs."""
    query = "--query-gpu=index,uuid,name,memory.total,driver_version"
    return host.run("nvidia-smi", query, "--format=csv,noheader,nounits")


def find_cards(host: Host) -> list[Card]:
    """Return the installed GPUs; none if the driver does not answer."""
    answer = ask_cards(host)
    return [card for line in answer.output.splitlines() if (card := _card(line))] if answer.is_good else []


def find_driver(host: Host) -> str | None:
    """Return the version of the driver."""
    return next((card.driver for card in find_cards(host)), None)


def find_slices(host: Host) -> set[str]:
    """Return the UUIDs of the MIG devices."""
    return set(_MIG.findall(host.run("nvidia-smi", "-L").output))


def _card(line: str) -> Card | None:
    index, *rest = (cell.strip() for cell in line.split(","))
    if len(rest) < 4 or not _DRIVER.fullmatch(rest[-1]):
        return None
    memory = int(rest[-2]) * 2**20 if rest[-2].isascii() and rest[-2].isdigit() else None
    return Card(index, rest[0], ", ".join(rest[1:-2]), memory, rest[-1])
