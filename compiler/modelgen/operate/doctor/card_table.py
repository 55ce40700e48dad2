"""Write the names of a host's GPUs into the `[gpus]` of a models.toml and leave the rest as it is.

A GPU that is not in the list of known ones gets its capability.
"""

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
from modelgen.operate.doctor.smi import find_capabilities, find_cards

if TYPE_CHECKING:
    from modelgen.config import Gpu
    from modelgen.load import Document
    from modelgen.operate.doctor.host import Host

_BOM = "\ufeff"


def fill_cards(data: bytes, host: Host, path: str) -> Filled:
    """Return the file with `card` or `capability` in the tables of GPUs that have neither.

    Args:
        data: The file.
        host: The host.
        path: The file's name, for findings.
    """
    document, source, _ = load(data, path)
    named = _lines(document, host) if document is not None else {}
    if not named:
        return Filled(None)
    text = _with_cards_or_none(source.text, named)
    if text is None:
        tables = ", ".join(f"[gpus.{name}]" for name in named)
        return Filled(None, problem=f"{tables} of {path} cannot be filled; write `card` or `capability` by hand")
    mark = _BOM if data.decode("utf-8").startswith(_BOM) else ""
    changes = tuple(f'[gpus.{name}] {key} = "{value}"' for name, (key, value) in named.items())
    return Filled((mark + text).encode(), changes)


def _lines(document: Document, host: Host) -> dict[str, tuple[str, str]]:
    """Return the key and the value to write, by the table of the GPU."""
    tables = {
        name: gpu
        for name, gpu in (document.config.gpus or {}).items()
        if gpu.card is None and gpu.capability is None and not document.is_refused("gpus", name, "card")
    }
    if not tables:
        return {}
    cards = {key: card for card in find_cards(host) for key in (card.index, card.uuid)}
    found = {key: (card.name, card.memory) for key, card in cards.items()}
    if any(gpu.kind == "amd" for gpu in tables.values()):
        found |= {card.device: (card.name, card.memory) for card in find_rocm_cards(host)}
    lines = {}
    for name, gpu in tables.items():
        device = gpu.device.partition("=")[2] if gpu.kind == "cdi" else gpu.device
        known = find_known(*found[device]) if device in found else ()
        if len(known) == 1 and _has_memory(known[0].mebibytes * 2**20, gpu):
            lines[name] = "card", known[0].name
            continue
        card = cards.get(device) if not known else None
        if card and _has_memory(card.memory or 0, gpu) and (capability := find_capabilities(host).get(card.uuid)):
            lines[name] = "capability", capability
    return lines


def _has_memory(memory: int, gpu: Gpu) -> bool:
    """Return whether a card has the memory that is written, which may be rounded up."""
    return gpu.memory is None or gpu.memory <= memory * 1.01


def _with_cards_or_none(text: str, named: dict[str, tuple[str, str]]) -> str | None:
    """Return the text with the names; None if the tables are written in a way that is not understood."""
    try:
        new = _with_cards(text, named)
        return new if tomllib.loads(new) == _expected(text, named) else None
    except (TOMLKitError, tomllib.TOMLDecodeError, RecursionError, ValueError, TypeError, AttributeError):
        return None


def _with_cards(text: str, named: dict[str, tuple[str, str]]) -> str:
    document = tomlkit.parse(text)
    tables = document["gpus"]
    for name, (key, value) in named.items():
        table = tables[name]
        if isinstance(table, InlineTable):
            table[key] = value
        elif isinstance(table, Table):
            insert(table, key, value)
        else:
            raise TypeError("it is not a table of its own")
    return with_line_ends_of(text, document.as_string())


def _expected(text: str, named: dict[str, tuple[str, str]]) -> dict[str, object]:
    tables = tomllib.loads(text)
    for name, (key, value) in named.items():
        tables["gpus"][name][key] = value
    return tables
