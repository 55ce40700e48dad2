"""Read the flags of an engine's releases, as data that `tools/` extracts from their sources.

The data has releases, not every version: `Catalogue.release` returns the release that represents a version. Entries are
`[first version, kind, extras]`; an entry with only a version is the first release without the flag.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cache, cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from modelgen.engines.images.versions import parse_version

if TYPE_CHECKING:
    from collections.abc import Iterator

    from modelgen.engines.images.versions import Version

DATA = Path(__file__).parent


@cache
def catalogue(engine: str, line: int, lists: tuple[str, ...] | None = None) -> Catalogue:
    """Return the flags of an engine. Only the data of engines that a file uses is loaded.

    Args:
        engine: The engine's name.
        line: The number of version components that identify a line of releases with nearly the same flags.
        lists: The flags whose JSON is a list, if that of all others is a table; None if any flag accepts both.
    """
    return Catalogue(engine, line, lists)


class Kind(StrEnum):
    """The kinds of values that argparse makes of flags."""

    BOOL = "bool"  # a pair, --x and --no-x
    FLAG = "flag"  # --x alone
    TRUTHY = "truthy"  # type=bool: any text but an empty one is true
    INT = "int"
    LENGTH = "length"  # 16384, 16k (16,000), 16K (16,384)
    IEC_LENGTH = "iec-length"  # 16384, 16k (16,000), 16Ki (16,384)
    NUMBER = "number"
    TEXT = "text"
    JSON = "json"
    JSON_OR_TEXT = "json-or-text"


@dataclass(frozen=True, slots=True)
class Flag:
    """One flag of one release.

    Args:
        name: The name without dashes.
        kind: The kind of its value, or of each of its values.
        choices: All accepted values, as text; empty if any value is accepted.
        known: The values that the release itself provides; plugins may add more.
        several: Whether it accepts several values, as separate arguments.
        repeated: Whether the flag is repeated before each value.
        lists: The types that its JSON may have if it is not only an object.
        deprecated: Whether the release marks it as deprecated.
        aliases: Its other spellings in this release, without dashes.
        optional: Whether its value may be left out.
    """

    name: str
    kind: Kind
    choices: tuple[str, ...] = ()
    known: tuple[str, ...] = ()
    several: bool = False
    repeated: bool = False
    lists: tuple[type, ...] = ()
    deprecated: bool = False
    aliases: tuple[str, ...] = ()
    optional: bool = False


class Life(NamedTuple):
    """The first release with a flag, and the first one without it; `gone` is None if the newest release has it."""

    since: str
    gone: str | None


class Catalogue:
    """The flags of all known releases of one engine; `catalogue` returns it."""

    def __init__(self, engine: str, line: int, lists: tuple[str, ...] | None) -> None:
        data = json.loads((DATA / f"{engine}_flags.json").read_bytes())
        self.line = line
        self.names: tuple[str, ...] = tuple(data["versions"])
        self._position = {name: at for at, name in enumerate(self.names)}
        self._entries: dict[str, list[list[Any]]] = data["flags"]
        self._lists: dict[str, tuple[type, ...]] = dict.fromkeys(lists or (), (list,))
        self._json: tuple[type, ...] = (dict, list) if lists is None else ()
        self._releases: dict[Version, Release] = {}

    @cached_property
    def releases(self) -> list[tuple[int, ...]]:
        """The numbers of the known releases, oldest first."""
        return [release_numbers(name) for name in self.names]

    @cached_property
    def aliases(self) -> dict[str, str]:
        """Other spellings of flags, in any release, without dashes: `tp` → `tensor-parallel-size`."""
        found = {name.replace("_", "-"): name for name in self._entries if "_" in name}
        for name, entries in self._entries.items():
            for entry in entries:
                found.update(dict.fromkeys(entry[2].get("aliases", ()) if len(entry) > 2 else (), name))
        found.pop("O", None)  # `Release.canonical` resolves it
        return found

    def canonical(self, key: str) -> str:
        """Return the canonical name of a flag: `tp` and `tensor_parallel_size` are `tensor-parallel-size`.

        As in vLLM's parser, underscores equal hyphens only before the first dot; the rest is a path in JSON.
        """
        head, dot, rest = key.partition(".")
        head = head.replace("_", "-")
        return self.aliases.get(head, head) + dot + rest

    def release(self, version: Version) -> Release:
        """Return the release that represents a version; the oldest one for versions below it."""
        if version not in self._releases:
            at, is_newer = nearest(self.releases, version.release, self.line)
            self._releases[version] = Release(self, self._position.get(version.text, at), is_newer)
        return self._releases[version]

    @property
    def newest(self) -> Release:
        """The newest known release."""
        return Release(self, len(self.names) - 1, is_newer=False)

    def flag_at(self, name: str, at: int) -> Flag | None:
        """Return a flag of the release at a position, or None."""
        found = self._entry_at(name, at)
        return _flag(name, found, lists=self._lists.get(name, self._json)) if len(found) > 1 else None

    def default_at(self, name: str, at: int) -> Any:  # noqa: ANN401 - whatever argparse has
        """Return the value of a flag that is not written; None if it is chosen at start, or the flag is unknown."""
        found = self._entry_at(name, at)
        return found[2].get("default") if len(found) > 2 else None

    def _entry_at(self, name: str, at: int) -> list[Any]:
        found: list[Any] = []
        for entry in self._entries.get(name, ()):
            if self._position[entry[0]] > at:
                break
            found = entry
        return found

    def lives(self, name: str) -> list[Life]:
        """Return the ranges of releases with a flag; empty for an unknown flag."""
        lives: list[Life] = []
        for entry in self._entries.get(name, ()):
            if len(entry) == 1:
                lives[-1] = Life(lives[-1].since, entry[0])
            elif not lives or lives[-1].gone is not None:
                lives.append(Life(entry[0], None))
        return lives

    def constant(self, name: str) -> Flag | None:
        """Return a flag that never changed, or None."""
        return self.flag_at(name, len(self.names) - 1) if len(self._entries.get(name, ())) == 1 else None

    def variables(self, name: str) -> set[str]:
        """Return the environment variables that set a flag, in any release."""
        extras = (entry[2] for entry in self._entries.get(name, ()) if len(entry) > 2)
        return {variable for one in extras for variable in one.get("env", ())}

    @cached_property
    def flags_of_variables(self) -> dict[str, frozenset[str]]:
        """The flags that an environment variable sets in any release, by the variable."""
        found: dict[str, set[str]] = {}
        for name in self._entries:
            for variable in self.variables(name):
                found.setdefault(variable, set()).add(name)
        return {variable: frozenset(names) for variable, names in found.items()}

    def values(self, name: str) -> Iterator[tuple[str, frozenset[str]]]:
        """Yield the known values of a flag in each release, oldest first."""
        for at, release in enumerate(self.names):
            if flag := self.flag_at(name, at):
                yield release, frozenset({*flag.choices, *flag.known})

    def all_names(self) -> list[str]:
        """Return the flags of all releases."""
        return [*self._entries]

    def position(self, name: str) -> int:
        """Return the index of a release among the known ones."""
        return self._position[name]

    def label(self, name: str) -> str:
        """Return a release as in prose: 0.17 if 0.17.1 is the first known release of its line; a build as it is."""
        if not name[0].isdecimal():
            return name
        at = self._position[name]
        line = self.releases[at][: self.line]
        is_first = at == 0 or self.releases[at - 1][: self.line] != line
        return ".".join(map(str, line)) if is_first and at else name


@dataclass(frozen=True)
class Release:
    """The flags of one release.

    Args:
        catalogue: The catalogue with all releases.
        at: The index of the release in it.
        is_newer: Whether the represented version is newer than the data, so that it may have further flags.
    """

    catalogue: Catalogue
    at: int
    is_newer: bool
    _flags: dict[str, Flag | None] = field(default_factory=dict)
    _names: list[str] = field(default_factory=list)

    @property
    def name(self) -> str:
        """The release, such as `0.33.0`."""
        return self.catalogue.names[self.at]

    def canonical(self, key: str) -> str:
        """Return the canonical name of a flag in this release: `-O3` set one flag until 0.11, and another since."""
        if key == "O":
            return "optimization-level" if self.get("optimization-level") else "compilation-config"
        return self.catalogue.canonical(key)

    def get(self, name: str) -> Flag | None:
        """Return a flag by its canonical name, or None."""
        if name not in self._flags:
            self._flags[name] = self.catalogue.flag_at(name, self.at)
        return self._flags[name]

    def default(self, name: str) -> Any:  # noqa: ANN401 - whatever argparse has
        """Return the value of a flag that is not written; None if it is chosen at start, or the flag is unknown."""
        return self.catalogue.default_at(name, self.at)

    def flag_names(self) -> list[str]:
        """Return the names of all flags of the release."""
        if not self._names:
            self._names.extend(name for name in self.catalogue.all_names() if self.get(name))
        return self._names


def nearest(known: list[tuple[int, ...]], wanted: tuple[int, ...], line: int) -> tuple[int, bool]:
    """Return the index of the release that represents `wanted`, and whether `wanted` is newer than the data.

    Flags change at minor releases, rarely at patches: 0.11.1 → 0.11.2 and 0.14.0 → 0.14.1 have no difference. So the
    nearest patch of the same line represents a version (0.10.1 is 0.10.1.1: the greatest older one would refuse 15 of
    its flags), else the greatest older release.

    Args:
        known: The numbers of all releases, oldest first.
        wanted: The numbers of the version.
        line: The number of components that identify a line of releases.
    """
    same = [at for at, release in enumerate(known) if release[:line] == wanted[:line]]
    if same:
        return min(same, key=lambda at: (_distance(known[at], wanted), -at)), False
    older = [at for at, release in enumerate(known) if release <= wanted]
    return (older[-1] if older else 0), wanted > known[-1]


def _distance(one: tuple[int, ...], other: tuple[int, ...]) -> list[int]:
    padded = [(*release, 0, 0)[:4] for release in (one, other)]
    return [abs(a - b) for a, b in zip(*padded, strict=True)]


def release_numbers(name: str) -> tuple[int, ...]:
    """Return the numbers of a release of the data."""
    version = parse_version(name)
    assert version is not None, name  # noqa: S101 - the package's own data
    return version.release


def _flag(name: str, entry: list[Any], *, lists: tuple[type, ...]) -> Flag:
    extras: dict[str, Any] = entry[2] if len(entry) > 2 else {}
    return Flag(
        name,
        Kind(entry[1]),
        choices=tuple(map(str, extras.get("choices", ()))),
        known=tuple(map(str, extras.get("known", ()))),
        several=extras.get("nargs") in ("+", "*") or "repeated" in extras,
        repeated="repeated" in extras,
        lists=lists,
        deprecated=bool(extras.get("deprecated")),
        aliases=tuple(extras.get("aliases", ())),
        optional=extras.get("nargs") == "?",
    )
