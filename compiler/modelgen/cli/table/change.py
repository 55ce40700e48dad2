"""Change models.toml and models.lock together: check before, check after, and only then write both."""

from __future__ import annotations

import os
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import click

from modelgen.cli.compiling import check_bytes, lock_path, print_findings, read_config, read_lock, read_measured, reader
from modelgen.cli.exits import FOUND, cannot
from modelgen.files import InputError

if TYPE_CHECKING:
    from collections.abc import Collection

    from modelgen.diagnostics import Diagnostic
    from modelgen.pipeline import Checked, Compilation
    from modelgen.resolve import Resolved


@dataclass(frozen=True)
class Files:
    """A models.toml and its lock as a command has read them.

    Args:
        config: The path of models.toml.
        data: Its bytes.
        lock: The bytes of its lock; None without one.
    """

    config: Path
    data: bytes
    lock: bytes | None

    @property
    def names(self) -> str:
        """Both paths, for sentences."""
        return f"{self.config} and {lock_path(self.config)}"

    @property
    def unchanged(self) -> str:
        """The sentence on both files before anything is written."""
        return f"{self.names} are unchanged"


def read_files(config: Path) -> Files:
    """Read both files.

    Raises:
        ModelgenError: One cannot be read.
    """
    return Files(config, read_config(config), read_lock(config))


def compiled(files: Files) -> Compilation:
    """Compile the bytes, which need not be written yet: for `modelgen serve` if they are for it, else for Docker."""
    from modelgen.pipeline import compile_source
    from modelgen.targets import ON_HOST

    compile_for = partial(
        compile_source,
        files.data,
        files.lock,
        read_measured(files.config),
        path=files.config.as_posix(),
        lock_path=lock_path(files.config).as_posix(),
        read=reader(files.config),
    )
    compilation = compile_for()
    if not is_for_host(compilation):
        return compilation
    root = Path(os.path.abspath(files.config.parent)).as_posix()  # noqa: PTH100 - links stay as the user has them
    return compile_for(targets=(ON_HOST,), root_from_out=root)


def next_command(compilation: Compilation, config: Path) -> str:
    """Return the command that runs what models.toml says now."""
    from modelgen.cli.configuration.hints import next_up

    return next_up(config, None if is_for_host(compilation) else config.parent / "build")


def is_for_host(compilation: Compilation | Checked) -> bool:
    """Return whether a file is meant for `modelgen serve`."""
    from modelgen.resolve import runs

    return compilation.fitted is not None and runs.is_for_host(compilation.fitted.resolved.runs)


def errors_of(compilation: Compilation | Checked) -> list[Diagnostic]:
    """Return the findings that are errors."""
    from modelgen.diagnostics import Severity

    return [found for found in compilation.diagnostics if found.severity is Severity.ERROR]


def refuse(compilation: Compilation | Checked, errors: Collection[Diagnostic], sentence: str) -> int:
    """Print errors and a sentence, and return the exit code."""
    print_findings(replace(compilation, diagnostics=[*errors]), "human", to_stderr=True)
    click.echo(f"modelgen: {sentence}", err=True)
    return FOUND


def read_valid(config: Path, sentence: str) -> tuple[Files, Resolved]:
    """Read and resolve both files; print the errors of a file that does not compile, with a sentence, and exit."""
    from modelgen.diagnostics import has_errors

    files = read_files(config)
    checked = check_bytes(config, files.data, files.lock)
    if checked.resolved is None or has_errors(checked.diagnostics):
        click.get_current_context().exit(refuse(checked, errors_of(checked), sentence))
    return files, checked.resolved


def write(before: Files, after: Files, *, is_lock_first: bool) -> None:
    """Write what differs, unless another program has changed the files meanwhile.

    The lock lists at least what models.toml needs at every moment: a process that is killed between both writes leaves
    a lock with an entry too many, which no build notices.

    Raises:
        InputError: The files have changed.
        ModelgenError: They cannot be written.
    """
    from modelgen.cli.interruption import uninterrupted
    from modelgen.files import locked, replace_all

    config, lock = after.config, lock_path(after.config)
    contents = {config: after.data} if after.data != before.data else {}
    if after.lock is not None and after.lock != before.lock:
        contents = {lock: after.lock, **contents} if is_lock_first else {**contents, lock: after.lock}
    try:
        with locked(config.parent):
            if read_files(config) != before:
                raise InputError(f"{before.names} were changed by another program meanwhile; run it again")
            with uninterrupted():
                replace_all(contents)
    except OSError as error:
        raise cannot(
            "write", error.filename2 or error.filename or config, error, "make it and its folder writable"
        ) from error
