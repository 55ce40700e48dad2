"""Write the facts of another host into a models.toml, and leave the rest as it is."""

from __future__ import annotations

from typing import TYPE_CHECKING

from modelgen.files import InputError
from modelgen.operate.doctor.card_table import with_keys_of_gpus
from modelgen.operate.doctor.host_table import fill_host

if TYPE_CHECKING:
    from modelgen.config import Gpu
    from modelgen.load import Document, Machine

_FACTS = ("card", "memory", "capability", "unified")
_BOM = b"\xef\xbb\xbf"


def write_machine(data: bytes, document: Document, machine: Machine) -> bytes:
    """Return a models.toml with the host and the GPUs of a machine.

    Args:
        data: The file.
        document: What it says.
        machine: The host, with the names that the file has for its GPUs.

    Raises:
        InputError: Its tables are written in a way that is not understood.
    """
    path, written = document.source.path, document.config.gpus or {}
    changed = {name: keys for name, gpu in machine.gpus.items() if (keys := _changes(written[name], gpu))}
    text = with_keys_of_gpus(document.source.text, changed) if changed else document.source.text
    if text is None:
        tables = ", ".join(f"[gpus.{name}]" for name in changed)
        raise InputError(f"{tables} of {path} cannot be changed for that host; write each as a table of its own")
    edited = (_BOM if data.startswith(_BOM) else b"") + text.encode()
    host = {
        key: f"{value // 2**20}MiB" if key == "memory" else value for key, value in machine.host if value is not None
    }
    filled = fill_host(edited, host, path)
    if filled.problem:
        raise InputError(filled.problem)
    return filled.data or edited


def _changes(written: Gpu, gpu: Gpu) -> dict[str, str | None]:
    """Return the keys that differ, as models.toml has them; None for one that is removed."""
    found: dict[str, str | None] = {}
    for key in _FACTS:
        value = getattr(gpu, key)
        if value != getattr(written, key):
            found[key] = f"{value // 2**20}MiB" if key == "memory" and value is not None else value
    return found
