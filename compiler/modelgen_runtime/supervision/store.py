"""State that survives a restart of the orchestrator: the models that should run, and what their engines printed."""

from __future__ import annotations

import json
import logging
from typing import TYPE_CHECKING, Any

from modelgen_runtime.engines.start_lines import stored_start

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from modelgen_runtime.engines.start_lines import Started

_NAME = "wanted.json"
_LOG = logging.getLogger(__name__)


class Store:
    """The state folder. A write is atomic.

    Args:
        folder: Created if it does not exist.
    """

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._path = folder / _NAME
        self._saved: dict[str, Any] | None = None
        self._wanted: dict[str, Any] | None = None
        self.fault: str | None = None
        """The reason for which it cannot be written, as a sentence; None while it can."""

    def load(self) -> list[str] | None:
        """Return the models that should run, or None without a readable file."""
        models = self._stored().get("wanted")
        if not isinstance(models, list) or not all(isinstance(model, str) for model in models):
            return None
        return models

    def starts(self) -> dict[str, Started]:
        """Return what engines printed at their last start, by model."""
        found = self._stored().get("starts")
        return {name: stored_start(table) for name, table in found.items()} if isinstance(found, dict) else {}

    def _stored(self) -> dict[str, Any]:
        try:
            stored = json.loads(self._path.read_bytes())
        except (OSError, ValueError, RecursionError):
            return {}
        return stored if isinstance(stored, dict) else {}

    def save(self, models: list[str], starts: Mapping[str, Started]) -> None:
        """Store both if they have changed. A full disk does not interrupt service."""
        self._wanted = {"wanted": models, "starts": {name: start.table() for name, start in starts.items()}}
        self.retry()

    def retry(self) -> None:
        """Store what could not be stored before."""
        wanted = self._wanted
        if wanted is None or wanted == self._saved:
            self.fault = None
            return
        new = self._path.with_name(f"{_NAME}.new")
        try:
            new.write_text(json.dumps(wanted) + "\n", encoding="utf-8")
            new.replace(self._path)
        except OSError as error:
            if self.fault is None:
                _LOG.warning("%s cannot be written (%s): a restart will not bring back what runs", new, error.strerror)
            self.fault = f"{self._path} cannot be written ({error.strerror}): free some space or make it writable"
        else:
            self._saved, self.fault = wanted, None
