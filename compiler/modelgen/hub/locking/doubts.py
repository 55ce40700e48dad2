"""List what nothing on this host confirms about a lock entry that was made or kept offline."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from modelgen.hub.locking.cached import find_files, listing_of
from modelgen.hub.snapshot.checkpoint import read_json
from modelgen.hub.snapshot.loadable import CONFIG
from modelgen.hub.snapshot.missing_parts import TOKENIZER_CONFIG, missing_parts
from modelgen.lockfile.repos import snapshot_folder

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping
    from pathlib import Path

    from modelgen.hub.locking.cached import Found
    from modelgen.lockfile.entries import Snapshot
    from modelgen.lockfile.wants import Want


def of_new(
    want: Want, entry: Snapshot, snapshot: Path, found: Mapping[str, Found], tokenizers: Collection[str]
) -> Iterator[str]:
    """Yield the doubts about an entry that was made from a snapshot.

    Args:
        want: The want that the entry answers.
        entry: The new entry.
        snapshot: The folder of its snapshot.
        found: The files of this folder.
        tokenizers: Ids of models whose tokenizer is in another repository.
    """
    if unnamed := _unnamed(entry, found):
        has, their = ("has", "its") if len(unnamed) == 1 else ("have", "their")
        yield f"{some(unnamed)} {has} no hash to compare with, so {their} contents were not checked"
    yield from _missing(want, entry, snapshot, tokenizers)


def of_kept(hub: Path, want: Want, entry: Snapshot, tokenizers: Collection[str]) -> tuple[str, ...]:
    """Return the doubts about an existing entry, whose origin is unknown.

    Args:
        hub: The hub directory.
        want: The want that the entry answers.
        entry: The old entry.
        tokenizers: Ids of models whose tokenizer is in another repository.
    """
    snapshot = hub / snapshot_folder(entry.repo, entry.commit)
    if not snapshot.is_dir():
        return ("its snapshot is not in the hub directory",)
    try:
        found = find_files(snapshot)
    except OSError as error:
        return (f"{error.filename or snapshot} cannot be read: {(error.strerror or str(error)).lower()}",)
    return (*_unconfirmed(entry, found), *_missing(want, entry, snapshot, tokenizers))


def _unconfirmed(entry: Snapshot, found: Mapping[str, Found]) -> Iterator[str]:
    absent = [path for path in entry.by_path if path not in found or not found[path].is_there]
    if absent:
        yield f"{some(absent)} {'are' if absent[1:] else 'is'} not in the hub directory"
    if unnamed := _unnamed(entry, found):
        yield (
            f"{some(unnamed)} {'have' if unnamed[1:] else 'has'} no hash in the hub directory to confirm models.lock"
        )


def _unnamed(entry: Snapshot, found: Mapping[str, Found]) -> list[str]:
    """Return the files whose hash is not in the hub directory."""
    there = {path: found[path] for path in entry.by_path if path in found and found[path].is_there}
    return [path for path, file in there.items() if file.expected is None]


def _missing(want: Want, entry: Snapshot, snapshot: Path, tokenizers: Collection[str]) -> Iterator[str]:
    if want.form != "checkpoint":
        return
    paths = {*entry.by_path, *(["tokenizer.json"] if {*want.models} <= {*tokenizers} else [])}
    config = _table(_parsed(entry.config) if entry.config else _read(snapshot, CONFIG, paths))
    tokenizer = _table(_read(snapshot, TOKENIZER_CONFIG, paths))
    yield from missing_parts(entry.repo, paths, config, tokenizer, is_listed=listing_of(snapshot).is_file())


def _read(snapshot: Path, path: str, paths: Collection[str]) -> object:
    return read_json((snapshot / path).resolve()) if path in paths else None


def _parsed(text: str) -> object:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None


def _table(read: object) -> dict[str, Any]:
    return read if isinstance(read, dict) else {}


def some(paths: list[str]) -> str:
    """Return paths as text, the first three of many."""
    more = f" and {len(paths) - 3} more" if len(paths) > 3 else ""
    return f"{', '.join(paths[:3])}{more}"
