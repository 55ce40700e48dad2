"""Write the names of a host's GPUs into the `[gpus]` of a models.toml and leave the rest as it is."""

from __future__ import annotations

import tomllib
from typing import TYPE_CHECKING

import tomlkit
from tomlkit.exceptions import TOMLKitError
from tomlkit.items import InlineTable, Table

from modelgen.engines.host.cards import find_known
from modelgen.load import load
from modelgen.operate.doctor.host_table import Filled, insert, with_line_ends_of
from modelgen.operate.doctor.rocm import find_rocm_cards
from modelgen.operate.doctor.smi import find_cards

if TYPE_CHECKING:
    from modelgen.config import Gpu
    from modelgen.load import Document
    from modelgen.operate.doctor.host import Host

_BOM = "\ufeff"


def fill_cards(data: bytes, host: Host, path: str) -> Filled:
    """Return the file with `card` in the tables of known GPUs that have neither `card` nor `capability`.

    Args:
        data: The file.
        host: The host.
        path: The file's name, for findings.
    """
    document, source, _ = load(data, path)
    named = _names(document, host) if document is not None else {}
    if not named:
        return Filled(None)
    text = _with_cards_or_none(source.text, named)
    if text is None:
        tables = ", ".join(f"[gpus.{name}]" for name in named)
        return Filled(None, problem=f"{tables} of {path} cannot be filled; write `card` by hand")
    mark = _BOM if data.decode("utf-8").startswith(_BOM) else ""
    changes = tuple(f'[gpus.{name}] card = "{card}"' for name, card in named.items())
    return Filled((mark + text).encode(), changes)


def _names(document: Document, host: Host) -> dict[str, str]:
    """Return the names to write, by the table of the GPU."""
    tables = {
        name: gpu
        for name, gpu in (document.config.gpus or {}).items()
        if gpu.card is None and gpu.capability is None and not document.is_refused("gpus", name, "card")
    }
    if not tables:
        return {}
    found = {key: (card.name, card.memory) for card in find_cards(host) for key in (card.index, card.uuid)}
    if any(gpu.kind == "amd" for gpu in tables.values()):
        found |= {card.device: (card.name, card.memory) for card in find_rocm_cards(host)}
    names = {}
    for name, gpu in tables.items():
        device = gpu.device.partition("=")[2] if gpu.kind == "cdi" else gpu.device
        known = find_known(*found[device]) if device in found else ()
        if len(known) == 1 and _has_memory(known[0].mebibytes * 2**20, gpu):
            names[name] = known[0].name
    return names


def _has_memory(memory: int, gpu: Gpu) -> bool:
    """Return whether a card has the memory that is written, which may be rounded up."""
    return gpu.memory is None or gpu.memory <= memory * 1.01


def _with_cards_or_none(text: str, named: dict[str, str]) -> str | None:
    """Return the text with the names; None if the tables are written in a way that is not understood."""
    try:
        new = _with_cards(text, named)
        return new if tomllib.loads(new) == _expected(text, named) else None
    except (TOMLKitError, tomllib.TOMLDecodeError, RecursionError, ValueError, TypeError, AttributeError):
        return None


def _with_cards(text: str, named: dict[str, str]) -> str:
    document = tomlkit.parse(text)
    tables = document["gpus"]
    for name, card in named.items():
        table = tables[name]
        if isinstance(table, InlineTable):
            table["card"] = card
        elif isinstance(table, Table):
            insert(table, "card", card)
        else:
            raise TypeError("it is not a table of its own")
    return with_line_ends_of(text, document.as_string())


def _expected(text: str, named: dict[str, str]) -> dict[str, object]:
    tables = tomllib.loads(text)
    for name, card in named.items():
        tables["gpus"][name]["card"] = card
    return tables
