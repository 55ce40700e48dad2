"""Parse bytes as a Lock; every fault is a diagnostic."""

from __future__ import annotations

import re
import tomllib
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from modelgen.config.phrases import phrase
from modelgen.diagnostics import Found, rule
from modelgen.lockfile.entries import FORMAT, Lock, digest_of
from modelgen.source import Source, Span

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from modelgen.diagnostics import Diagnostic

MAX_BYTES = 64 * 2**20
"""Maximum size of a models.lock; a thousand models of a hundred files take 20 MB."""
_AT = re.compile(r" \(at line (\d+), column (\d+)\)")
REMAKE = "restore models.lock from version control, or remove it and run `modelgen lock`"


def parse_lock(data: bytes, path: str = "models.lock") -> tuple[Lock | None, list[Diagnostic]]:
    """Read the bytes of a models.lock.

    Returns:
        The lock, or None when it cannot be used; then there is an error among the diagnostics.
    """
    start = Source(path, "").start
    if len(data) > MAX_BYTES:
        return None, [*bad_lock(start, f"is larger than {MAX_BYTES // 2**20} MiB")]
    try:
        tables = tomllib.loads(data.decode("utf-8-sig").replace("\r\n", "\n"))
    except UnicodeDecodeError:
        return None, [*bad_lock(start, "is not UTF-8")]
    except RecursionError:
        return None, [*bad_lock(start, "is nested too deep")]
    except ValueError as error:  # tomllib's own, and integers of more digits than Python reads
        place = _AT.search(str(error))
        line, column = (int(place[1]), int(place[2])) if place else (1, 1)
        return None, [*bad_lock(Span(path, line, column, line, column), f"is not TOML: {_AT.sub('', str(error))}")]
    written = tables.get("format")
    if isinstance(written, int) and written > FORMAT:
        return None, [*newer_lock(start, written)]
    digests = _take_digests(tables)
    try:
        lock = Lock.model_validate(tables)
    except ValidationError as error:
        return None, [*bad_lock(start, _first_fault(error, tables))]
    for entry, digest in zip(lock.snapshots, digests, strict=True):
        # A lock without a digest was written by hand, and is accepted.
        if digest is not None and digest != digest_of(entry):
            return None, [*bad_lock(start, f"was edited by hand at {entry.repo}: its `digest` does not match")]
    return lock, []


def parse_entries(data: bytes, path: str = "models.lock") -> tuple[Lock | None, dict[str, str]]:
    """Read the valid entries of a models.lock, so that one damaged entry does not prevent checks of the others.

    Returns:
        The lock without damaged entries, or None if nothing can be read; and the faults, by repository id.
    """
    lock, _ = parse_lock(data, path)
    if lock is not None:
        return lock, {}
    try:
        tables = tomllib.loads(data.decode("utf-8-sig").replace("\r\n", "\n")) if len(data) <= MAX_BYTES else {}
    except (ValueError, RecursionError):
        return None, {}
    entries, faults, whole = tables.get("snapshots"), dict[str, str](), []
    for number, entry in enumerate(entries) if isinstance(entries, list) else ():
        one = {key: value for key, value in tables.items() if key not in ("assets", "images")} | {"snapshots": [entry]}
        fault = _fault_of_one(one)
        if fault is None:
            whole.append(entry)
        elif isinstance(entry, dict) and isinstance(entry.get("repo"), str):
            faults[entry["repo"]] = fault.replace("snapshots[0]", f"snapshots[{number}]")
    if not faults:
        return None, {}
    rest = {**tables, "snapshots": whole}
    try:
        return Lock.model_validate(rest), faults
    except ValidationError:
        return None, {}


def _fault_of_one(tables: dict[str, Any]) -> str | None:
    """Return the fault of a lock with one entry, and remove its digest."""
    (digest,) = _take_digests(tables)
    try:
        lock = Lock.model_validate(tables)
    except ValidationError as error:
        return _first_fault(error, tables)
    entry = lock.snapshots[0]
    if digest is not None and digest != digest_of(entry):
        return f"was edited by hand at {entry.repo}: its `digest` does not match"
    return None


def _take_digests(tables: dict[str, Any]) -> list[object]:
    """Remove the digests from the tables and return them: they are not part of the entries."""
    entries = tables.get("snapshots")
    if not isinstance(entries, list):
        return []
    return [entry.pop("digest", None) if isinstance(entry, dict) else None for entry in entries]


def _first_fault(error: ValidationError, tables: Mapping[str, Any]) -> str:
    """Return the first fault as one sentence; after a bad merge there may be thousands."""
    fault = error.errors(include_url=False)[0]
    where, place, named = tables, "", ""
    for key in fault["loc"]:
        place += f"[{key}]" if isinstance(key, int) else f".{key}" if place else str(key)
        where = where[key] if isinstance(where, list | dict) and _holds(where, key) else {}
        if isinstance(where, dict) and isinstance(where.get("repo"), str):
            named = f" ({where['repo'][:100]})"
    return f"has a fault: `{place or 'its top'}`{named} {phrase(fault)}"


def _holds(container: Any, key: str | int) -> bool:  # noqa: ANN401 - whatever TOML holds
    return key in container if isinstance(container, dict) else isinstance(key, int) and key < len(container)


@rule("MG501", "bad-lock")
def bad_lock(place: Span, fault: str) -> Iterator[Found]:
    """A models.lock is damaged or was edited.

    ## Why
    Its commits, sizes and hashes decide what is downloaded and accepted. After a bad merge or an edit by hand, some of
    them may be wrong.
    """
    yield Found(place, f"models.lock {fault}", REMAKE)


@rule("MG502", "newer-lock")
def newer_lock(place: Span, written: int) -> Iterator[Found]:
    """A models.lock has the format of a newer modelgen.

    ## Why
    This version cannot interpret the newer format, so it uses nothing of the file.
    """
    yield Found(
        place,
        f"models.lock has format {written}; this modelgen reads {FORMAT}",
        "update modelgen on this host, or remake the lock with this one: remove it and run `modelgen lock`",
    )
