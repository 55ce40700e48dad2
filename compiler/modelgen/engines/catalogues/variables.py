"""Look up which releases of an engine read an environment variable."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, NamedTuple

from modelgen.engines.catalogues import DATA, nearest, release_numbers

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from modelgen.engines.catalogues import Catalogue
    from modelgen.engines.facts import Instead
    from modelgen.engines.images.versions import Version


class Readers(NamedTuple):
    """The first and the last release that read a variable; `last` is None where the newest still does."""

    first: str
    last: str | None


@dataclass(frozen=True)
class Variables:
    """The variables of one engine, as data that `tools/` extracts from its sources.

    Args:
        engine: The engine's name.
        prefix: The prefix of all its variables.
        line: The number of version components that identify a line of releases.
        flags: Its flags: public files use their names for variables.
        meant: Wrong name in public files → right name.
        instead: Removed variable → replacement.
        bare: Flags whose names are unambiguous without the prefix. Many others are variables of other programs
            (HOST, PORT, SEED).
        positional: Names of positional arguments, which public files write as flags.
    """

    engine: str
    prefix: str
    line: int
    flags: Callable[[], Catalogue]
    meant: Mapping[str, str]
    instead: Mapping[str, Instead]
    bare: frozenset[str]
    positional: tuple[str, ...] = ()

    @cached_property
    def readers(self) -> dict[str, Readers]:
        """All variables of all known releases."""
        lives = self._data["variables"]
        return {name: Readers(life[0], life[1] if len(life) > 1 else None) for name, life in lives.items()}

    def is_read(self, name: str, version: Version) -> bool:
        """Return whether the release that represents a version reads the variable."""
        life = self.readers.get(name)
        if life is None:
            return False
        known = self._releases
        at = self._nearest(version)[0]
        last = len(known) if life.last is None else known.index(release_numbers(life.last))
        return known.index(release_numbers(life.first)) <= at <= last

    def is_newer(self, version: Version) -> bool:
        """Return whether a version is newer than the data."""
        return self._nearest(version)[1]

    def is_unknown(self, name: str) -> bool:
        """Return whether a name has the engine's prefix, and no release reads it."""
        is_known = name in self.readers or name in self.meant
        return name.startswith(self.prefix) and not is_known and not self.flag_meant(name)

    def flag_meant(self, name: str) -> str | None:
        """Return the flag whose name a variable has: `VLLM_MAX_MODEL_LEN` and `MAX_MODEL_LEN` have no effect.

        They occur in 17 of 229 public files, and no release ever read them.
        """
        if name in self.readers:
            return None
        bare = name.removeprefix(self.prefix)
        flag = bare.lower().replace("_", "-")
        known = self.flags().lives(flag)
        if name != bare:
            return flag if known or flag in self.positional else None
        return flag if known and flag in self.bare else None

    def first_numbers(self, name: str) -> tuple[int, ...]:
        """Return the numbers of the first release that reads a variable."""
        return release_numbers(self.readers[name].first)

    def _nearest(self, version: Version) -> tuple[int, bool]:
        return nearest(self._releases, version.release, self.line)

    @cached_property
    def _releases(self) -> list[tuple[int, ...]]:
        return [release_numbers(name) for name in self._data["versions"]]

    @cached_property
    def _data(self) -> dict[str, Any]:
        loaded: dict[str, Any] = json.loads((DATA / f"{self.engine}_variables.json").read_bytes())
        return loaded
