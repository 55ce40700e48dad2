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
    from collections.abc import Mapping

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
    text = with_keys_of_gpus(source.text, {name: {key: value} for name, (key, value) in named.items()})
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


def with_keys_of_gpus(text: str, gpus: Mapping[str, Mapping[str, str | None]]) -> str | None:
    """Return a models.toml with keys of its tables of GPUs written, or removed where the value is None.

    It is None if the tables are written in a way that is not understood.
    """
    try:
        new = _with_keys(text, gpus)
        return new if tomllib.loads(new) == _expected(text, gpus) else None
    except (TOMLKitError, tomllib.TOMLDecodeError, RecursionError, ValueError, TypeError, AttributeError):
        return None


def _with_keys(text: str, gpus: Mapping[str, Mapping[str, str | None]]) -> str:
    document = tomlkit.parse(text)
    tables = document["gpus"]
    for name, keys in gpus.items():
        table = tables[name]
        if not isinstance(table, Table | InlineTable):
            raise TypeError("it is not a table of its own")
        for key, value in keys.items():
            if value is None:
                table.pop(key, None)
            elif key in table or isinstance(table, InlineTable):
                table[key] = value
            else:
                insert(table, key, value)
    return with_line_ends_of(text, document.as_string())


def _expected(text: str, gpus: Mapping[str, Mapping[str, str | None]]) -> dict[str, object]:
    tables = tomllib.loads(text)
    for name, keys in gpus.items():
        changed = {**tables["gpus"][name], **keys}
        tables["gpus"][name] = {key: value for key, value in changed.items() if value is not None}
    return tables
