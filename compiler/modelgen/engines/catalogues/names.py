"""Look up which names each release of an engine knows, such as the keys of a JSON flag.

The data lists for each name the releases that added and removed it, alternately.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from modelgen.engines.catalogues import DATA, nearest, release_numbers

if TYPE_CHECKING:
    from modelgen.engines.images.versions import Version


@dataclass(frozen=True)
class Names:
    """Names of several kinds, as data that `tools/` extracts from an engine's sources.

    Args:
        file: The name of the data.
        line: The number of version components that identify a line of releases.
    """

    file: str
    line: int

    def known(self, kind: str, version: Version) -> frozenset[str] | None:
        """Return the names of a kind that the release of a version knows; None if it is newer than the data."""
        at, is_newer = self._position(version)
        if is_newer:
            return None
        return frozenset(name for name, changes in self._data[kind].items() if self._is_known(changes, at))

    def life(self, kind: str, name: str, version: Version) -> str:
        """Return when a name that a release does not know appeared or was removed; empty for one that never was."""
        changes = self._data[kind].get(name, ())
        at, _ = self._position(version)
        before = [change for change in changes if self._names.index(change) <= at]
        if len(before) < len(changes):
            return f"it appeared in {changes[len(before)]}"
        return f"it was removed in {before[-1]}" if before else ""

    def _position(self, version: Version) -> tuple[int, bool]:
        at, is_newer = nearest(self._releases, version.release, self.line)
        return (self._names.index(version.text) if version.text in self._names else at), is_newer

    def _is_known(self, changes: list[str], at: int) -> bool:
        return sum(self._names.index(change) <= at for change in changes) % 2 == 1

    @cached_property
    def _data(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads((DATA / self.file).read_bytes())
        return found

    @cached_property
    def _names(self) -> list[str]:
        return [*self._data["versions"]]

    @cached_property
    def _releases(self) -> list[tuple[int, ...]]:
        return [release_numbers(name) for name in self._names]
