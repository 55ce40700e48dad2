"""Name a model: its id, the service, and what clients call it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from modelgen.lift.document import Lifted

_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
_ALIAS = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:/@+\[\]-]*")
_PART = re.compile(r"-\d{5}-of-\d{5}$")
_OUTSIDE = re.compile(r"[^A-Za-z0-9._-]+")
RESERVED = ("orchestrator", "socket-proxy")
"""Services that modelgen adds."""
_LONGEST = 63


class Names:
    """The names that are taken."""

    def __init__(self) -> None:
        self._ids: set[str] = set()
        self._aliases: set[str] = set()

    def take(self, wanted: str) -> str:
        """Return an id like the wanted name that no other model has."""
        name = _OUTSIDE.sub("-", wanted).strip("-._")[:_LONGEST].strip("-._") or "model"
        found, number = name, 2
        while found in self._ids or found in self._aliases or found.lower() in {one.lower() for one in self._ids}:
            found, number = f"{name}-{number}", number + 1
        self._ids.add(found)
        return found

    def take_alias(self, alias: str) -> bool:
        """Return whether a name is valid and free, and take it."""
        if not _ALIAS.fullmatch(alias) or alias in self._ids or alias in self._aliases:
            return False
        self._aliases.add(alias)
        return True


def served_names(lifted: Lifted) -> list[str]:
    """Return the names that clients use, as the engine's flag says."""
    line = lifted.server.engine.line
    entry = lifted.line.entries.get(line.names) if line else None
    found = entry.value if entry else None
    names = [found] if isinstance(found, str) else found if isinstance(found, list) else []
    return [name for name in names if isinstance(name, str)]


def wanted_id(lifted: Lifted, kind: str, name: str = "") -> str:
    """Return the name that the id is made of.

    Args:
        lifted: The server.
        kind: The kind of file: in llama-swap's, clients use the name of the model's table.
        name: The name that clients of a program use, if its command names one.
    """
    served = [name] if name else served_names(lifted)
    if kind == "llama-swap":
        return lifted.name
    if served and _ID.fullmatch(served[0]):
        return served[0]
    model = lifted.model.text if lifted.model is not None else lifted.line.text("hf-repo", "model-url")
    if kind in ("shell", "recipe") and model:
        last = model.rstrip("/").rpartition("/")[2].partition(":")[0]
        return _PART.sub("", last.removesuffix(".gguf")).removesuffix("-GGUF").lower()
    return lifted.name


def service_name(name: str) -> str | None:
    """Return the name of a service as models.toml takes it; None if it does not."""
    is_valid = re.fullmatch(r"[a-z0-9][a-z0-9_-]*", name) is not None and len(name) <= _LONGEST
    return name if is_valid and name not in RESERVED else None
