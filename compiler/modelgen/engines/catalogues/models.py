"""Look up which releases of an engine serve an architecture with code of their own.

The data lists for each architecture the releases that added and removed it, alternately.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, NamedTuple

from modelgen.engines.catalogues import DATA, nearest, release_numbers

if TYPE_CHECKING:
    from modelgen.engines.images.versions import Version


class Served(NamedTuple):
    """The nearest releases around one that does not serve an architecture.

    Args:
        since: The first later release that serves it; None if none does.
        until: The first release that served it no longer, if an earlier one did; None otherwise.
        last: The last earlier release that served it; None if none did.
    """

    since: str | None
    until: str | None
    last: str | None


@dataclass(frozen=True)
class Models:
    """The architectures of one engine, as data that `tools/` extracts from its sources.

    Args:
        engine: The engine's name.
        line: The number of version components that identify a line of releases.
    """

    engine: str
    line: int

    def unserved(self, architecture: str, version: Version) -> Served | None:
        """Return which other releases serve an architecture that the release of a version does not.

        None if that release serves it, if no release does, or if the version is newer than the data.
        """
        changes = self._data["models"].get(architecture, ())
        at, is_newer = nearest(self._releases, version.release, self.line)
        at = self._names.index(version.text) if version.text in self._names else at  # tells apart `.postN`
        before = [change for change in changes if self._names.index(change) <= at]
        if not changes or is_newer or len(before) % 2 == 1:
            return None
        since = changes[len(before)] if len(changes) > len(before) else None
        until = before[-1] if before else None
        return Served(since, until, self._names[self._names.index(until) - 1] if until else None)

    def serves(self, name: str, version: Version) -> bool | None:
        """Return whether a release serves a name; None if that is not certain.

        It is not for a version that is newer than the data, nor for one such as `1.8`, which is the newest release of
        its line at the time of the download, if the releases of the line differ.
        """
        at, is_newer = nearest(self._releases, version.release, self.line)
        if is_newer:
            return None
        numbers = version.release
        line = [other for other, release in enumerate(self._releases) if release[: len(numbers)] == numbers] or [at]
        changes = [self._names.index(change) for change in self._data["models"].get(name, ())]
        found = {sum(change <= one for change in changes) % 2 == 1 for one in line}
        return found.pop() if len(found) == 1 else None

    def served_by_newest(self) -> list[str]:
        """Return what the newest release serves."""
        return [name for name, changes in self._data["models"].items() if len(changes) % 2 == 1]

    def is_known(self, architecture: str) -> bool:
        """Return whether any release serves an architecture."""
        return architecture in self._data["models"]

    def is_text_only(self, architecture: str) -> bool:
        """Return whether an architecture is known and accepts only text in each release."""
        return self.is_known(architecture) and architecture not in self._multimodal

    @cached_property
    def _data(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads((DATA / f"{self.engine}_models.json").read_bytes())
        return found

    @cached_property
    def _names(self) -> list[str]:
        return [*self._data["versions"]]

    @cached_property
    def _releases(self) -> list[tuple[int, ...]]:
        return [release_numbers(name) for name in self._names]

    @cached_property
    def _multimodal(self) -> frozenset[str]:
        return frozenset(self._data["multimodal"])
