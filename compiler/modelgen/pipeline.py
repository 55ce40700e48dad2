"""The whole compiler in one function: text → Document → Resolved → Fleet → artifacts."""

from __future__ import annotations

from dataclasses import dataclass, replace
from errno import ENOENT
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from modelgen.checks.all_checks import check
from modelgen.diagnostics import Diagnostic, Severity, has_errors, sort_by_place
from modelgen.fit import fit_models
from modelgen.lift.flag_files import with_flag_files
from modelgen.load import load
from modelgen.lower import lower
from modelgen.resolve import resolve
from modelgen.resolve.runs import is_for_host
from modelgen.targets import DEFAULT_TARGETS, ON_HOST, check_readback, target

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Mapping

    from modelgen.fit import Fitted
    from modelgen.ir import Fleet
    from modelgen.load import Document, Machine
    from modelgen.lockfile.entries import Lock
    from modelgen.lockfile.measured import MeasuredStart
    from modelgen.resolve import Resolved
    from modelgen.source import Source


_AWAIT_LOCK = frozenset({"no-snapshot", "id-offline", "unknown-need"})
"""Rules whose findings are right for a build, and expected in a file that was never locked."""


@dataclass(frozen=True)
class Checked:
    """A models.toml and its lock: read, resolved and checked.

    Args:
        source: The text, for excerpts.
        diagnostics: All findings, sorted by place.
        fitted: The file with its lock, resolved and fitted; None if the file cannot be checked further.
    """

    source: Source
    diagnostics: list[Diagnostic]
    fitted: Fitted | None

    @property
    def sources(self) -> list[Source]:
        """The texts that findings are about: models.toml and the files of flags that it names."""
        return [self.source, *_flag_files(self.fitted)]

    @property
    def resolved(self) -> Resolved | None:
        """The file with its lock, resolved."""
        return None if self.fitted is None else self.fitted.resolved


@dataclass(frozen=True)
class Compilation:
    """The result of compiling one models.toml.

    Args:
        source: The text, for excerpts.
        diagnostics: All findings, sorted by place.
        fleet: The deployment; None if there are errors.
        artifacts: Relative path → bytes; empty if there are errors.
        fitted: The file with its lock, resolved and fitted; None if the file cannot be read.
    """

    source: Source
    diagnostics: list[Diagnostic]
    fleet: Fleet | None
    artifacts: Mapping[str, bytes]
    fitted: Fitted | None = None

    @property
    def sources(self) -> list[Source]:
        """The texts that findings are about: models.toml and the files of flags that it names."""
        return [self.source, *_flag_files(self.fitted)]

    @property
    def failed(self) -> bool:
        """Return whether there is an error among the findings."""
        return self.fleet is None


def _no_file(path: str) -> bytes:
    raise FileNotFoundError(ENOENT, "No such file or directory", path)


def check_source(  # noqa: PLR0913 - as for `compile_source`
    data: bytes,
    lock: bytes | None = None,
    measured: bytes | None = None,
    *,
    path: str = "models.toml",
    lock_path: str = "models.lock",
    targets: Collection[str] | None = None,
    read: Callable[[str], bytes] = _no_file,
    machine: Machine | None = None,
) -> Checked:
    """Read and check the bytes of a models.toml and of the files beside it; arguments as for `compile_source`.

    Without `targets`, a file without any image is checked for `modelgen serve` if that could run it, and what only a
    first `modelgen lock` can add is information.
    """
    document, source, found = load(data, path)
    locked, faults = (None, []) if lock is None else _parse_lock(lock, lock_path)
    found += faults
    if document is None:
        return Checked(source, sort_by_place(found), None)
    if machine is not None:
        document = document.on(machine)
    starts: Mapping[str, MeasuredStart] = {}
    if measured is not None:
        starts, faults = _parse_measured(measured, PurePosixPath(path).with_suffix(".measured.toml").as_posix())
        found += faults
    document = with_flag_files(document, read)
    fitted = fit_models(resolve(document, locked, starts))
    is_build = targets is not None
    if targets is None:
        targets = (ON_HOST,) if is_for_host(fitted.resolved.runs) else DEFAULT_TARGETS
    found += check(fitted, targets)
    if lock is None and not is_build:
        found = [replace(one, severity=Severity.INFO) if one.rule in _AWAIT_LOCK else one for one in found]
    return Checked(source, sort_by_place(_with_settings(found, document)), fitted)


def compile_source(  # noqa: PLR0913 - what findings call the files, and one text each
    data: bytes,
    lock: bytes | None = None,
    measured: bytes | None = None,
    *,
    path: str = "models.toml",
    lock_path: str = "models.lock",
    targets: Collection[str] = DEFAULT_TARGETS,
    root_from_out: str = "..",
    read: Callable[[str], bytes] = _no_file,
    reads_back: bool = True,
    machine: Machine | None = None,
) -> Compilation:
    """Compile the bytes of a models.toml. Pure: reads only its arguments and the package's own data.

    Args:
        data: The bytes of the file; bytes that are not UTF-8 give a finding.
        lock: The bytes of the models.lock beside it; None if there is none.
        measured: The bytes of the models.measured.toml beside it; None if there is none.
        path: The name of the file in findings.
        lock_path: The name of the lock in findings.
        targets: Names of targets, of `modelgen.targets.TARGETS`; or `ON_HOST` alone.
        root_from_out: POSIX path from the output directory to the folder of models.toml; all relative paths in the
            output go through it. It is absolute for `ON_HOST`.
        read: Returns the content of a file that models.toml names, by its path relative to models.toml; raises
            OSError if it cannot be read.
        reads_back: Whether the output is parsed and compared with the fleet; False if it will not be written.
        machine: A host in place of the one in the file.

    Raises:
        RenderingError: The output differs from the fleet: a bug of modelgen.
    """
    checked = check_source(
        data, lock, measured, path=path, lock_path=lock_path, targets=targets, read=read, machine=machine
    )
    fitted, diagnostics = checked.fitted, checked.diagnostics
    if fitted is None or has_errors(diagnostics):
        return Compilation(checked.source, diagnostics, None, {}, fitted)
    fleet = lower(fitted, root_from_out if ON_HOST in targets else None)
    rendered = {name: target(name)(fleet, root_from_out) for name in targets}
    if reads_back:
        for name, files in rendered.items():
            check_readback(name, fleet, root_from_out, files)
    artifacts = {path: data for files in rendered.values() for path, data in files.items()}
    return Compilation(checked.source, diagnostics, fleet, artifacts, fitted)


def _flag_files(fitted: Fitted | None) -> list[Source]:
    files = fitted.resolved.document.files.values() if fitted else ()
    return [file.source for file in files if file.source is not None]


def _parse_lock(data: bytes, path: str) -> tuple[Lock | None, list[Diagnostic]]:
    from modelgen.lockfile.reading import parse_lock  # importing its tables takes time, and many files have no lock yet

    return parse_lock(data, path)


def _parse_measured(data: bytes, path: str) -> tuple[Mapping[str, MeasuredStart], list[Diagnostic]]:
    from modelgen.lockfile.measured import parse_measured  # few projects have one

    return parse_measured(data, path)


def _with_settings(found: Iterable[Diagnostic], document: Document) -> list[Diagnostic]:
    """Apply `[rules]`: leave out rules that are off, and set changed severities.

    Only advisory rules can be changed; lowering another is a finding of its own (rule-not-advisory).
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
