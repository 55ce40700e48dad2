"""What was found of a repository, on the hub or in a hub directory, and the lock's entry that comes of it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from modelgen.files import InputError
from modelgen.hub.left_out import Choice, choose, nearest
from modelgen.hub.loadable import config_name, why_not
from modelgen.lockfile.entries import MAX_CONFIG_BYTES, File, Snapshot

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping

    from modelgen.lockfile.wants import Want

_LONGEST_LICENSE = 100


@dataclass(frozen=True)
class Ask:
    """A repository to look up.

    Args:
        want: What for.
        commit: At which it is pinned already; None for where its revision is now.
    """

    want: Want
    commit: str | None

    @property
    def about(self) -> str:
        """How messages begin."""
        return f"{self.want.models[0] if self.want.models else 'models.toml'}: {self.want.repo}"


@dataclass(frozen=True)
class Pinned:
    """A new entry of the lock.

    Args:
        entry: It.
        unneeded: Bytes of the files that serving does not need, by which patterns is in the entry.
        unasked: Number and bytes of the files that `include` does not name.
        unchecked: What nobody could check, as in "3 files have no hash to compare with"; only offline.
    """

    entry: Snapshot
    unneeded: int
    unasked: tuple[int, int]
    unchecked: tuple[str, ...] = ()


@dataclass(frozen=True)
class Facts:
    """What is told of a repository beside its files."""

    commit: str
    license: str | None = None
    gated: bool = False
    weights: Mapping[str, int] | None = None
    config: str | None = None


def choose_files(ask: Ask, paths: Collection[str]) -> Choice:
    """Return which of a repository's files to lock.

    Raises:
        InputError: A pattern matches nothing, or nothing is left.
    """
    want = ask.want
    for pattern in want.include:
        if not choose(paths, [pattern], ()).kept:
            shown = re.sub(r"\[([*?[])\]", r"\1", pattern)
            close = ", ".join(f"`{path}`" for path in nearest(shown, paths))
            hint = f"; the nearest are {close}" if close else ""
            raise InputError(f"{ask.about} has no file `{shown}`{hint}; mend `file` or `include` in models.toml")
    choice = choose(paths, want.include, want.exclude)
    if not choice.kept:
        raise InputError(f"{ask.about} has no file that is wanted; mend `exclude` in models.toml, or `repo`")
    return choice


def make_entry(ask: Ask, choice: Choice, files: Iterable[File], sizes: Mapping[str, int], facts: Facts) -> Pinned:
    """Return the lock's entry for what was found.

    Raises:
        InputError: No engine could load it, or no entry can hold it.
    """
    want = ask.want
    if fault := why_not(want.form, choice.kept, facts.config):
        raise unusable(ask, fault)
    try:
        entry = Snapshot(
            repo=want.repo,
            revision=want.revision,
            commit=facts.commit,
            include=[*want.include],
            exclude=[*want.exclude],
            models=[*want.models],
            license=facts.license,
            gated=facts.gated,
            left_out=[*choice.left_out],
            weights=dict(facts.weights or {}),
            files=sorted(files, key=lambda file: file.path),
            config=facts.config,
        )
    except ValidationError as error:
        fault = error.errors(include_url=False, include_input=False)[0]["msg"]
        raise InputError(f"{ask.about} cannot be locked: it {fault}; `exclude` the file in models.toml") from error
    unasked = len(choice.unasked), sum(sizes[path] for path in choice.unasked)
    return Pinned(entry, sum(sizes[path] for path in choice.unneeded), unasked)


def unusable(ask: Ask, fault: str) -> InputError:
    """Return the error of a repository that no engine could load."""
    return InputError(f"{ask.about} {fault}; mend `repo`, `revision`, `include` or `exclude` in models.toml")


def make_file(ask: Ask, path: str, size: int, *, sha256: str | None = None, blob: str | None = None) -> File:
    """Return the lock's entry of a file.

    Raises:
        InputError: No entry can hold it.
    """
    try:
        return File(path=path, size=size, sha256=sha256, blob=blob)
    except ValidationError as error:
        raise InputError(
            f"{ask.about} has a file {path[:200]!r} that not every host could hold; `exclude` it in models.toml"
        ) from error


def config_text(ask: Ask, data: bytes) -> str:
    """Return the text of a config.json or adapter_config.json.

    Raises:
        InputError: It is not text.
    """
    try:
        return data.decode()
    except UnicodeDecodeError as error:
        raise InputError(
            f"{ask.about} has a {config_name(ask.want.form)} that is not UTF-8, which no engine reads"
        ) from error


def keeps_config(ask: Ask, files: Iterable[File]) -> File | None:
    """Return the file that says what the repository is, if it is small enough to be kept in the lock."""
    name = config_name(ask.want.form)
    return next((file for file in files if file.path == name and file.size <= MAX_CONFIG_BYTES), None)


def license_of(card: Mapping[str, Any]) -> str | None:
    """Return the license that a model card names; a license of its own has a name of its own."""
    named = card.get("license")
    if named == "other" and isinstance(card.get("license_name"), str):
        named = card["license_name"]
    if isinstance(named, list):
        named = ", ".join(item for item in named if isinstance(item, str))
    return named[:_LONGEST_LICENSE] if isinstance(named, str) and named.isprintable() and named else None
