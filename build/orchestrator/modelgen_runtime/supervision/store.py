"""State that survives a restart of the orchestrator: the models that should run."""

from __future__ import annotations

import json
import logging
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

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
        self._saved: list[str] | None = None
        self._wanted: list[str] | None = None
        self.fault: str | None = None
        """The reason for which it cannot be written, as a sentence; None while it can."""

    def load(self) -> list[str] | None:
        """Return the models that should run, or None without a readable file."""
        try:
            stored = json.loads(self._path.read_bytes())
        except (OSError, ValueError, RecursionError):
            return None
        models = stored.get("wanted") if isinstance(stored, dict) else None
        if not isinstance(models, list) or not all(isinstance(model, str) for model in models):
            return None
        return models

    def save(self, models: list[str]) -> None:
        """Store the models if they have changed. A full disk does not interrupt service."""
        self._wanted = models
        self.retry()

    def retry(self) -> None:
        """Store what could not be stored before."""
        models = self._wanted
        if models is None or models == self._saved:
            self.fault = None
            return
        new = self._path.with_name(f"{_NAME}.new")
        try:
            new.write_text(json.dumps({"wanted": models}) + "\n", encoding="utf-8")
            new.replace(self._path)
        except OSError as error:
            if self.fault is None:
                _LOG.warning("%s cannot be written (%s): a restart will not bring back what runs", new, error.strerror)
            self.fault = f"{self._path} cannot be written ({error.strerror}): free some space or make it writable"
        else:
            self._saved, self.fault = models, None
