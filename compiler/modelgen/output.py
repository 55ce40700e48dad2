"""Write artifacts to the output directory: compute what would change, then change it.

The record of the files that modelgen wrote lies beside them. It distinguishes a file that may be replaced from one that
the user wrote or edited.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import stat
from dataclasses import dataclass
from typing import TYPE_CHECKING

from modelgen import files

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

RECORD = ".modelgen-record.json"
_FORMAT = 1
_DONE = ".modelgen-done"
_HASH = re.compile(r"[0-9a-f]{64}")

NOT_A_FILE = b"\0not a file"
"""Represents a directory, a link or a pipe in the place of a file; compared by identity, not by value."""

Record = dict[str, list[str]]
"""Relative path → hashes of content that modelgen wrote: one after a complete build, the old and the new during one."""


@dataclass(frozen=True)
class ChangeSet:
    """The changes that a build would make to a directory.

    Args:
        create: Files that do not exist.
        update: Files that modelgen wrote and that have other contents now.
        delete: Files that modelgen wrote and that are no longer produced.
        conflicts: Files that it would have to overwrite or remove, but did not write, or that were edited since.
        is_complete: Whether the record on disk is that of a complete build, without files of a killed one.
        known: The record on disk.
    """

    create: list[str]
    update: list[str]
    delete: list[str]
    conflicts: list[str]
    is_complete: bool
    known: Record

    @property
    def is_empty(self) -> bool:
        """Return whether the directory equals the result of a fresh build."""
        return not (self.create or self.update or self.delete or self.conflicts) and self.is_complete


def compare(artifacts: Mapping[str, bytes], root: Path) -> ChangeSet:
    """Compare artifacts with a directory, which need not exist. Foreign files with equal bytes are adopted.

    Raises:
        OSError: The directory cannot be read.
    """
    record = _read_record(root)
    known = _parse_record(record)
    create: list[str] = []
    update: list[str] = []
    delete: list[str] = []
    conflicts: list[str] = []
    links = _linked_folders(root, {**artifacts, **(known or {})})
    for name, data in artifacts.items():
        now = _read(root, name, links)
        if now is None:
            create.append(name)
        elif now is NOT_A_FILE or (now != data and _hash(now) not in (known or {}).get(name, ())):
            conflicts.append(name)
        elif now != data:
            update.append(name)
    for name, hashes in (known or {}).items():
        if name not in artifacts and (now := _read(root, name, links)) is not None:
            (delete if now is not NOT_A_FILE and _hash(now) in hashes else conflicts).append(name)
    if known is None:
        conflicts.append(RECORD)
    is_complete = record == complete_record(artifacts) and not files.leftovers(
        root, {**artifacts, **(known or {})}, (files.STAGED, _DONE)
    )
    return ChangeSet(create, update, delete, conflicts, is_complete, known or {})


def build(artifacts: Mapping[str, bytes], root: Path, *, force: bool) -> ChangeSet:
    """Write the artifacts to the directory, unless that would overwrite the user's work.

    Returns:
        The changes that were made; with conflicts and without `force`, those that were not.

    Raises:
        OSError: While staging: nothing has changed. Later: the next build completes it.
    """
    root.mkdir(parents=True, exist_ok=True)
    with files.locked(root):
        changes = compare(artifacts, root)
        if not changes.is_empty and (force or not changes.conflicts):
            _apply(changes, artifacts, root)
    return changes


def _apply(changes: ChangeSet, artifacts: Mapping[str, bytes], root: Path) -> None:
    """Apply changes: stage every file, write the record, publish the files, write the record again.

    The first record names old and new hashes, so that the build after a crash accepts both as modelgen's; the last one
    names only the new ones, so that a rebuild equals a fresh build byte for byte.
    """
    touched = [*changes.create, *changes.update, *changes.conflicts]
    write = {name: artifacts[name] for name in touched if name in artifacts}
    removed = [name for name in (*changes.delete, *changes.conflicts) if name not in artifacts and name != RECORD]
    linked = _linked_folders(root, removed)
    remove = [name for name in removed if linked.isdisjoint(_folders(name))]
    between = {name: set(hashes) for name, hashes in changes.known.items()}
    for name, data in artifacts.items():
        between.setdefault(name, set()).add(_hash(data))
    first = _format_record({name: sorted(hashes) for name, hashes in between.items()})

    for path in files.leftovers(root, between, (files.STAGED, _DONE)):
        files.remove(path)
    links = _linked_folders(root, write)
    for link in links:
        if links.isdisjoint(_folders(link)):  # what is below a link is elsewhere
            files.remove(root / link)
    staged = files.Staged(root, {RECORD: first, **write})
    try:
        done = files.Staged(root, {RECORD: complete_record(artifacts)}, _DONE)
        try:
            staged.publish(RECORD)
            for name in write:
                staged.publish(name)
            for name in remove:
                files.remove(root / name)
            done.publish(RECORD)
        finally:
            done.discard()
    finally:
        staged.discard()


def seal(root: Path) -> str | None:
    """Return a digest of a directory that a complete build left unchanged, or None for any other.

    Raises:
        OSError: The directory cannot be read.
    """
    data = _read_record(root)
    record = _parse_record(data)
    if not data or not record:
        return None
    links = _linked_folders(root, record)
    for name, hashes in record.items():
        now = _read(root, name, links)
        if now is None or now is NOT_A_FILE or [_hash(now)] != hashes:
            return None
    return _hash(data)


def diff(artifacts: Mapping[str, bytes], changes: ChangeSet, root: Path) -> str:
    """Return a unified diff from the directory to the artifacts; an empty string when they agree.

    Raises:
        OSError: The directory cannot be read.
    """
    from difflib import unified_diff

    text: list[str] = []
    for name in sorted({*changes.create, *changes.update, *changes.delete, *changes.conflicts} - {RECORD}):
        path = root / name
        before = path.read_bytes().decode("utf-8", "replace") if path.is_file() else None
        after = artifacts[name].decode() if name in artifacts else None
        text += unified_diff(
            (before or "").splitlines(keepends=True),
            (after or "").splitlines(keepends=True),
            f"a/{name}" if before is not None else "/dev/null",
            f"b/{name}" if after is not None else "/dev/null",
        )
    return "".join(line if line.endswith("\n") else f"{line}\n\\ No newline at end of file\n" for line in text)


def _read(root: Path, name: str, links: set[str]) -> bytes | None:
    """Return a file's bytes, None if it does not exist, or `NOT_A_FILE`.

    A link is not a file here, nor is a path below a linked folder: writing it would change a file elsewhere. Reading a
    named pipe would block.
    """
    if not links.isdisjoint(_folders(name)):
        return NOT_A_FILE
    path = root / name
    try:
        return path.read_bytes() if stat.S_ISREG(os.lstat(path).st_mode) else NOT_A_FILE
    except FileNotFoundError:
        return None


def _linked_folders(root: Path, names: Iterable[str]) -> set[str]:
    """Return the folders on the way to files that are links, which lead out of the directory."""
    folders = {folder for name in names for folder in _folders(name)}
    return {folder for folder in folders if (root / folder).is_symlink()}


def _folders(name: str) -> list[str]:
    """Return the folders on the way to a file: `a` and `a/b` for `a/b/c`."""
    return [name[:at] for at, letter in enumerate(name) if letter == "/"]


def _read_record(root: Path) -> bytes | None:
    path = root / RECORD
    return path.read_bytes() if path.is_file() or path.is_dir() else None


def _hash(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def complete_record(artifacts: Mapping[str, bytes]) -> bytes:
    """Return the record that a complete build has."""
    return _format_record({name: [_hash(data)] for name, data in artifacts.items()})


def _format_record(record: Record) -> bytes:
    return (json.dumps({"format": _FORMAT, "files": record}, indent=2, sort_keys=True) + "\n").encode()


def _parse_record(data: bytes | None) -> Record | None:
    """Return the record, empty if there is none, or None if the file is not a record."""
    if data is None:
        return {}
    try:
        document = json.loads(data)
    except (ValueError, RecursionError):
        return None
    record = document.get("files") if isinstance(document, dict) and document.get("format") == _FORMAT else None
    if not isinstance(record, dict):
        return None
    for name, hashes in record.items():
        is_list = isinstance(hashes, list) and all(isinstance(item, str) and _HASH.fullmatch(item) for item in hashes)
        if not (_is_within(name) and is_list and name != RECORD):
            return None
    return record


def _is_within(name: str) -> bool:
    """Return whether a name from a record, which is untrusted, stays in the directory and can be printed."""
    parts = name.split("/")
    return name.isprintable() and not {"", ".", ".."}.intersection(parts) and not {"\\", ":"}.intersection(name)
