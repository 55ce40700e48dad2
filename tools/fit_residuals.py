"""Write fit/blocks/residuals.json, which estimates learn their errors from, by the starts in docs/."""

from __future__ import annotations

from pathlib import Path

from modelgen.fit.blocks.evidence import public_starts
from written_pages.memory_starts import residuals

TABLE = Path(__file__).parent.parent / "compiler" / "modelgen" / "fit" / "blocks" / "residuals.json"


def outdated() -> list[Path]:
    """Return the table if it is not what the starts show."""
    return [TABLE] if TABLE.read_text(encoding="utf-8") != residuals() else []


def write() -> None:
    """Write the table; pages that are written afterwards have estimates with it."""
    TABLE.write_text(residuals(), encoding="utf-8", newline="\n")
    public_starts.cache_clear()
