"""Read the words of a command line as an engine's flags, by what the engine's releases know of them."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, NamedTuple

from modelgen.engines.catalogues import Flag, Kind
from modelgen.engines.flags.plain import long_name
from modelgen.resolve.arguments import plain_release

if TYPE_CHECKING:
    from collections.abc import Sequence

    from modelgen.engines.catalogues import Catalogue, Release
    from modelgen.engines.engine import Engine
    from modelgen.engines.images.versions import Version
    from modelgen.foreign.values import Value

_NUMBER = re.compile(r"-\.?\d")
_LEVEL = re.compile(r"-O(\d)")
_TRUTHS = ("true", "false")
_LEVELS = ("0", "1", "2", "3")
_ALONE = (Kind.BOOL, Kind.FLAG)


class Entry(NamedTuple):
    """A flag on a command line.

    Args:
        key: The flag as models.toml would have it: without dashes.
        name: Its canonical name.
        value: Its value: text, a list of texts, or true or false for a flag without one; None where it is not known.
        at_key: The word of the flag.
        at_value: The word of its value, or of the flag.
    """

    key: str
    name: str
    value: Any
    at_key: Value
    at_value: Value

    @property
    def text(self) -> str | None:
        """The value if it is one text that is known."""
        return self.value if isinstance(self.value, str) else None


class CommandLine(NamedTuple):
    """A command line as flags.

    Args:
        entries: The flags in their order; of one that is repeated, the last.
        positionals: The words that are no flag and no value.
        is_whole: Whether every word is known.
        valueless: The flags that lack their value.
        replaced: The values that a later one of the same flag replaces.
        spare: Flags that take no value, each with a `true` or `false` that follows it.
    """

    entries: dict[str, Entry]
    positionals: tuple[Value, ...]
    is_whole: bool
    valueless: tuple[Value, ...]
    replaced: tuple[Entry, ...] = ()
    spare: tuple[tuple[Value, Value], ...] = ()

    def text(self, *names: str) -> str | None:
        """Return the value of the first of these flags that is written, if it is known."""
        found = next((self.entries[name] for name in names if name in self.entries), None)
        return found.text if found else None


class _Flags:
    """The flags of an engine at a version."""

    def __init__(self, engine: Engine, version: Version | None) -> None:
        self._short = engine.short_flags
        self._by_key: dict[str, str] = {}
        since = engine.line.bare_pairs_since if engine.line else None
        self._has_bare_pairs = since is not None and version is not None and version.release >= since
        self._catalogue: Catalogue | None = None
        self._release: Release | None = None
        if engine.catalogue is not None:
            self._catalogue = engine.catalogue()
            self._release = self._catalogue.release(version) if version else None
        elif engine.plain_flags is not None:
            self._catalogue = engine.plain_flags()
            self._release = plain_release(engine, version)

    def name(self, key: str) -> str:
        """Return the canonical name of a flag, also of one that is abbreviated."""
        if key not in self._by_key:
            self._by_key[key] = self._name(key)
        return self._by_key[key]

    def _name(self, key: str) -> str:
        if self._short is not None:
            key = long_name(key, self._short)
        if self._catalogue is None:
            return key
        name = self._release.canonical(key) if self._release else self._catalogue.canonical(key)
        if self._short is not None or self._catalogue.lives(name.partition(".")[0]):
            return name
        names = self._release.flag_names() if self._release else self._catalogue.all_names()
        longer = [one for one in names if one.startswith(name)]
        return longer[0] if len(longer) == 1 else name

    def is_bare(self, flag: Flag) -> bool:
        """Return whether a flag certainly takes no value."""
        return flag.kind is Kind.FLAG or self._has_bare_pairs

    def is_abbreviated(self, key: str) -> bool:
        """Return whether a flag is written as a prefix of its name, and the release that has it is not known."""
        if self._catalogue is None or self._release is not None or self._short is not None:
            return False
        return not self._catalogue.lives(self._catalogue.canonical(key).partition(".")[0])

    def may_abbreviate(self, name: str) -> bool:
        """Return whether flags begin with this name, and the release is not known."""
        if self._catalogue is None or self._release is not None or self._short is not None:
            return False
        return any(one.startswith(name) for one in self._catalogue.all_names())

    def get(self, name: str) -> Flag | None:
        """Return a flag of the release, or else as the newest release has it that has it at all."""
        if self._catalogue is None:
            return None
        if self._release is not None and (flag := self._release.get(name)):
            return flag
        if not self._catalogue.lives(name):
            return None
        positions = range(len(self._catalogue.names) - 1, -1, -1)
        return next((flag for at in positions if (flag := self._catalogue.flag_at(name, at))), None)


def read_words(engine: Engine, version: Version | None, words: Sequence[Value]) -> CommandLine:
    """Read what follows the program."""
    flags = _Flags(engine, version)
    entries: dict[str, Entry] = {}
    positionals: list[Value] = []
    valueless: list[Value] = []
    replaced: list[Entry] = []
    spare: list[tuple[Value, Value]] = []
    is_whole = True
    at = 0
    while at < len(words):
        word = words[at]
        at += 1
        is_whole = is_whole and word.is_known
        if not _is_flag(word.text):
            positionals += [word] if word.text.strip() else []
            continue
        if level := _LEVEL.fullmatch(word.text):
            entries["O"] = _level(flags, word, level[1])
            continue
        written, sign, _ = word.text.partition("=")
        key = written.lstrip("-")
        name = flags.name(key)
        head = name.partition(".")[0]
        flag = flags.get(head)
        value: Any = True
        at_key, at_value = word.part(0, len(written)), word
        if flag is None and head.startswith("no-") and (other := flags.get(head[3:])) and other.kind is Kind.BOOL:
            key, name, flag, value = key.removeprefix("no-").removeprefix("no_"), head[3:], other, False
        elif sign:
            at_value = word.part(len(written) + 1)
            value = at_value.text if at_value.is_known else None
        elif flag is None or flag.kind not in _ALONE or "." in name:
            following, at = _values(words, at, several=bool(flag and flag.several and not flag.repeated))
            if following:
                at_value, value = following[0], _text(following)
                is_whole = is_whole and value is not None
            elif flag is not None and not flag.optional and "." not in name:
                valueless.append(word)
                value = None
        elif flags.is_bare(flag):
            spare += [(word, one) for one in words[at : at + 1] if one.text.lower() in _TRUTHS]
        if not key or not written.isprintable() or not word.part(0, len(written)).is_known:
            is_whole = False
            continue
        value = _read(flag, value)
        if flag is not None and flags.is_abbreviated(key):
            key = name
        elif flag is None and flags.may_abbreviate(head):
            value = None  # it may be unique in the release, which is not known
        _put(entries, Entry(key, name, value, at_key, at_value), flag, replaced)
    return CommandLine(entries, tuple(positionals), is_whole, tuple(valueless), tuple(replaced), tuple(spare))


def _text(following: Sequence[Value]) -> str | list[str] | None:
    """Return the text of a flag's value, or the texts of several; None if one is not known."""
    if not all(one.is_known for one in following):
        return None
    texts = [one.text for one in following]
    return texts[0] if len(texts) == 1 else texts


def _level(flags: _Flags, word: Value, level: str) -> Entry:
    """Return the entry of `-O3`, whose value follows without a blank."""
    name = flags.name("O")
    return Entry("O", name, _read(flags.get(name), level), word.part(0, 2), word.part(2))


def _put(entries: dict[str, Entry], entry: Entry, flag: Flag | None, replaced: list[Entry]) -> None:
    """Put an entry in the place of an earlier one of the same flag, or add its values to a flag that takes several."""
    earlier = entries.get(entry.name)
    if earlier is not None and flag is not None and flag.repeated and None not in (earlier.value, entry.value):
        entry = entry._replace(value=[*_listed(earlier.value), *_listed(entry.value)])
    elif earlier is not None:
        replaced.append(earlier)
    entries[entry.name] = entry


def _listed(value: Any) -> list[Any]:  # noqa: ANN401 - of an Entry
    return value if isinstance(value, list) else [value]


def _read(flag: Flag | None, value: Any) -> Any:  # noqa: ANN401 - as in an Entry
    """Return a value, or None for a level such as `-O3`, which some releases take in place of JSON."""
    return None if flag is not None and flag.kind is Kind.JSON and value in _LEVELS else value


def _is_flag(text: str) -> bool:
    return len(text) > 1 and text.startswith("-") and not _NUMBER.match(text) and not text.startswith("--- ")


def _values(words: Sequence[Value], at: int, *, several: bool) -> tuple[list[Value], int]:
    """Return the words that are values of a flag, and the position after them."""
    found: list[Value] = []
    while at < len(words) and not _is_flag(words[at].text) and (several or not found):
        found.append(words[at])
        at += 1
    return found, at
