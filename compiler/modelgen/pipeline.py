"""The whole compiler in one function: text → Document → Resolved → Fleet → artifacts."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from modelgen.checks import check
from modelgen.diagnostics import Diagnostic, Severity, has_errors, sort_by_place
from modelgen.load import load
from modelgen.lower import lower
from modelgen.resolve import resolve
from modelgen.targets import DEFAULT_TARGETS, ON_HOST, target

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping

    from modelgen.ir import Fleet
    from modelgen.load import Document
    from modelgen.lockfile.entries import Lock
    from modelgen.resolve import Resolved
    from modelgen.source import Source


@dataclass(frozen=True)
class Checked:
    """A models.toml and its lock: read, resolved and checked.

    Args:
        source: The text, for excerpts.
        diagnostics: All findings, sorted by place.
        resolved: The file with its lock; None where it has no shape to go on with.
    """

    source: Source
    diagnostics: list[Diagnostic]
    resolved: Resolved | None


@dataclass(frozen=True)
class Compilation:
    """What one models.toml comes to.

    Args:
        source: The text, for excerpts.
        diagnostics: All findings, sorted by place.
        fleet: What will run; None beside errors.
        artifacts: Relative path → bytes; empty beside errors.
    """

    source: Source
    diagnostics: list[Diagnostic]
    fleet: Fleet | None
    artifacts: Mapping[str, bytes]

    @property
    def failed(self) -> bool:
        """Whether there is an error among the findings."""
        return self.fleet is None


def check_source(
    data: bytes,
    lock: bytes | None = None,
    *,
    path: str = "models.toml",
    lock_path: str = "models.lock",
    targets: Collection[str] = DEFAULT_TARGETS,
) -> Checked:
    """Read and check the bytes of a models.toml and of the lock beside it; arguments as for `compile_source`."""
    document, source, found = load(data, path)
    locked, faults = (None, []) if lock is None else _parse_lock(lock, lock_path)
    found += faults
    if document is None:
        return Checked(source, sort_by_place(found), None)
    resolved = resolve(document, locked)
    found += check(resolved, targets)
    return Checked(source, sort_by_place(_with_settings(found, document)), resolved)


def compile_source(  # noqa: PLR0913 - what findings call the files, and one text each
    data: bytes,
    lock: bytes | None = None,
    *,
    path: str = "models.toml",
    lock_path: str = "models.lock",
    targets: Collection[str] = DEFAULT_TARGETS,
    root_from_out: str = "..",
) -> Compilation:
    """Compile the bytes of a models.toml; touches nothing but its arguments and the package's own data.

    Args:
        data: The file, as it is on disk: that it may not be UTF-8 is a finding too.
        lock: The models.lock beside it, as it is on disk; None where there is none.
        path: What findings call the file.
        lock_path: What findings call the lock.
        targets: Names of targets, of `modelgen.targets.TARGETS`; or `ON_HOST` alone.
        root_from_out: POSIX path from the output directory to the folder of models.toml; all relative paths in the
            output go through it. It is absolute for `ON_HOST`.
    """
    checked = check_source(data, lock, path=path, lock_path=lock_path, targets=targets)
    resolved, diagnostics = checked.resolved, checked.diagnostics
    if resolved is None or has_errors(diagnostics):
        return Compilation(checked.source, diagnostics, None, {})
    fleet = lower(resolved, root_from_out if ON_HOST in targets else None)
    artifacts = {name: data for format_ in targets for name, data in target(format_)(fleet, root_from_out).items()}
    return Compilation(checked.source, diagnostics, fleet, artifacts)


def _parse_lock(data: bytes, path: str) -> tuple[Lock | None, list[Diagnostic]]:
    from modelgen.lockfile.reading import parse_lock  # its tables cost a start; most files have no lock yet

    return parse_lock(data, path)


def _with_settings(found: Iterable[Diagnostic], document: Document) -> list[Diagnostic]:
    """Apply `[rules]`: what is off is left out, what is changed has its new severity.

    Only advisory findings: that another cannot be lowered is a finding of its own (rule-not-advisory).
    """
    settings = document.config.rules or {}
    changed = []
    for diagnostic in found:
        setting = settings.get(diagnostic.rule)
        if setting is None or diagnostic.severity is Severity.ERROR:
            changed.append(diagnostic)
        elif setting != "off":
            changed.append(replace(diagnostic, severity=Severity(setting)))
    return changed
