"""The keys file: a role, a name and the models of each key. It has only the hashes of keys."""

from __future__ import annotations

import re
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Literal, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

Role: TypeAlias = Literal["user", "admin"]

_LINE = re.compile(r"(?P<role>user|admin)\s+sha256:(?P<hash>[0-9a-f]{64})(?P<more>(?:\s+\S+)*)", re.ASCII)
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._@-]{0,63}", re.ASCII)
"""Names of keys."""
_FORM = "`user sha256:HEX` or `admin sha256:HEX`, with `name=NAME` and `models=GLOB,…` after it"
_OLD_ROLES = {"data": "user", "control": "admin"}
"""Names of the roles before 0.1.0."""
_HOW_TO_ADD = "`modelgen key --role admin` prints a key and its line"
_SHOWN_DIGITS = 8


class KeysError(Exception):
    """The keys file cannot be used; the message is one sentence that names the line."""


@dataclass(frozen=True, slots=True)
class Key:
    """A key of the file.

    Args:
        role: Its role.
        name: Its name in usage and metrics; without one, the first digits of its hash.
        models: Patterns of the names that it may use; None for all.
        line: Its line in the file.
    """

    role: Role
    name: str
    models: tuple[str, ...] | None = None
    line: int = 0

    def may_use(self, *names: str) -> bool:
        """Return whether it may use a model by one of these names."""
        return self.models is None or any(fnmatchcase(name, glob) for name in names for glob in self.models)


def read_keys(path: Path) -> dict[bytes, Key]:
    """Return the keys by their SHA-256.

    Raises:
        KeysError: The file cannot be read, or a line has another form.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        why = getattr(error, "strerror", None) or error
        raise KeysError(f"the keys file {path} cannot be read: {why}; {_HOW_TO_ADD}") from error
    keys: dict[bytes, Key] = {}
    for number, line in enumerate(text.splitlines(), 1):
        if not (entry := line.partition("#")[0].strip()):
            continue
        if (match := _LINE.fullmatch(entry)) is None:
            if (new := _OLD_ROLES.get(old := entry.split()[0])) is not None:
                raise KeysError(f"line {number} of {path}: the role `{old}` was renamed; write `{new}`")
            raise KeysError(f"line {number} of {path} is not {_FORM}; {_HOW_TO_ADD}")
        keys[bytes.fromhex(match["hash"])] = _read_key(match, number, path)
    if not keys:
        raise KeysError(f"{path} contains no key, so every request would be refused; {_HOW_TO_ADD}")
    return keys


def _read_key(match: re.Match[str], number: int, path: Path) -> Key:
    role: Role = "admin" if match["role"] == "admin" else "user"
    name, models = f"sha256:{match['hash'][:_SHOWN_DIGITS]}", None
    for word in match["more"].split():
        label, _, value = word.partition("=")
        if label == "name" and NAME.fullmatch(value):
            name = value
        elif label == "models" and all(value.split(",")):
            models = tuple(value.split(","))
        else:
            raise KeysError(
                f"line {number} of {path}: `{word}` is not `name=NAME` (letters, digits and `. _ @ -`) or "
                "`models=GLOB,…` without spaces"
            )
    return Key(role, name, models, number)


def idle_patterns(keys: Iterable[Key], names: Iterable[str]) -> list[str]:
    """Return a sentence for each pattern of a key that matches no name of a model."""
    known = [*names]
    return [
        f"line {key.line} of the keys file: `{glob}` matches no model, alias or variant"
        for key in keys
        for glob in key.models or ()
        if not any(fnmatchcase(name, glob) for name in known)
    ]
