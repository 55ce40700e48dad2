"""What `up` has begun and not finished: a run that was killed is completed by the next one."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


@dataclass(frozen=True)
class Entry:
    """Models that are held, and those of them that ran before."""

    held: tuple[str, ...] = ()
    running: tuple[str, ...] = ()


@dataclass(frozen=True)
class Journal:
    """A file of what is begun.

    Args:
        path: Of it.
        write: Writes its contents as a whole.
    """

    path: Path
    write: Callable[[bytes], None]

    def read(self) -> Entry:
        """Return what is begun; a file that is not ours says nothing."""
        try:
            told = json.loads(self.path.read_bytes())
            return Entry(tuple(map(str, told["held"])), tuple(map(str, told["running"])))
        except (OSError, ValueError, KeyError, TypeError):
            return Entry()

    def add(self, held: list[str], running: list[str]) -> None:
        """Put models on record, beside those that are."""
        before = self.read()
        told = {
            "held": [*dict.fromkeys([*before.held, *held])],
            "running": [*dict.fromkeys([*before.running, *running])],
        }
        self.write(json.dumps(told, indent=2).encode() + b"\n")

    def clear(self) -> None:
        """Note that all is done."""
        self.path.unlink(missing_ok=True)
