"""Enter a proposed table into models.toml and its models into models.lock, if the compiler accepts the result."""

from __future__ import annotations

import re
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import click

from modelgen.cli.compiling import check_bytes, lock_path
from modelgen.cli.configuration.suggested import free_id
from modelgen.cli.reading import say
from modelgen.cli.table.change import compiled, errors_of, next_command, refuse, write
from modelgen.cli.table.text import append
from modelgen.files import ModelgenError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from functools import partial

    from modelgen.cli.table.change import Files
    from modelgen.hub.connection.client import Connection
    from modelgen.ir import Fleet
    from modelgen.load import Document
    from modelgen.lockfile.entries import Lock

_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")


@dataclass(frozen=True)
class Choices:
    """The id, the GPU and the engine of a new model as the command line names them.

    Args:
        id: The id; None to derive it from the repository.
        gpu: The name of the GPU; None for the only one.
        engine: The engine; None for one that suits the files.
    """

    id: str | None
    gpu: str | None
    engine: str | None

    def gpu_of(self, document: Document) -> str | None:
        """Return the GPU for the table; None if `[defaults]` has one, or the file has none.

        Raises:
            UsageError: The file has several GPUs, or not this one.
        """
        known = [*(document.config.gpus or {})]
        defaults = document.config.defaults
        if self.gpu is not None:
            if self.gpu not in known:
                from modelgen.diagnostics import did_you_mean

                raise click.UsageError(
                    f"{document.source.path} has no GPU `{self.gpu}`: {did_you_mean(self.gpu, known)}"
                )
            return self.gpu
        if (defaults and defaults.gpus is not None) or not known:
            return None
        if len(known) > 1:
            raise click.UsageError(
                f"{document.source.path} has {len(known)} GPUs; choose one: --gpu {', --gpu '.join(known)}"
            )
        return known[0]

    def id_of(self, repo: str, document: Document) -> str:
        """Return the id for the table.

        Raises:
            UsageError: The chosen id is not valid, or taken.
        """
        from modelgen.resolve.runs import run_models

        runs = run_models(document)
        taken = {name: f"[models.{name}]" for name in runs}
        taken |= {name: f"[profiles.{name}]" for name in document.config.profiles or {}}
        for name, run in runs.items():
            words = (
                *(run.model.aliases or ()),
                *(run.model.loras or ()),
                run.service.removeprefix(f"{run.engine_name}-"),
            )
            taken |= {word: f"[models.{name}]" for word in words if word not in taken}
        if self.id is None:
            return free_id(repo, taken)
        if not _ID.fullmatch(self.id):
            raise click.UsageError(f"`{self.id}` is not an id: use letters, digits, `.`, `_` and `-`")
        if self.id in taken:
            raise click.UsageError(f"{document.source.path} has the name `{self.id}` already, in {taken[self.id]}")
        return self.id


@dataclass(frozen=True)
class Proposal:
    """A table for a new model.

    Args:
        files: The files as they are.
        document: The models.toml.
        name: The id of the model.
        tables: Returns the text to append, from what the lock knows of the model; None before it is locked.
        engine: The engine and why, for the report.
    """

    files: Files
    document: Document
    name: str
    tables: Callable[[Lock | None], str]
    engine: str


def enter(proposal: Proposal, connect: partial[Connection] | None) -> int:
    """Lock the model, check the result, write both files and report it; return the exit code.

    Args:
        proposal: The table.
        connect: Creates the connection to the hub; None to send no request.
    """
    before = proposal.files
    with unchanged_on_failure(before):
        lock = _locked(proposal, connect)
    tables = proposal.tables(lock)
    from modelgen.lockfile.writing import render_lock

    after = replace(before, data=append(before.data, tables), lock=render_lock(lock))
    compilation = compiled(after)
    if compilation.fleet is None:
        click.echo(tables, nl=False, err=True)
        return refuse(compilation, errors_of(compilation), f"this table was not added; {before.unchanged}")
    write(before, after, is_lock_first=True)
    click.echo(tables, nl=False)
    _report(proposal, lock, compilation.fleet)
    click.echo(f"next: {next_command(compilation, before.config)}", err=True)
    return 0


def refuse_early(proposal: Proposal) -> None:
    """Print the errors that the table would have with any lock, and exit: the hub directory is still as it was."""
    before, tables = proposal.files, proposal.tables(None)
    checked = check_bytes(before.config, append(before.data, tables), None)
    if errors := errors_of(checked):
        click.echo(tables, nl=False, err=True)
        click.get_current_context().exit(refuse(checked, errors, f"nothing was added; {before.unchanged}"))


@contextmanager
def unchanged_on_failure(files: Files) -> Iterator[None]:
    """Add to an error that no file was changed."""
    try:
        yield
    except ModelgenError as error:
        error.add_note(files.unchanged)
        raise


def _locked(proposal: Proposal, connect: partial[Connection] | None) -> Lock:
    """Return the lock with the model's entries.

    Raises:
        ModelgenError: Something cannot be locked.
    """
    from modelgen.cli.hub.locked import inputs_of
    from modelgen.cli.lock.lock import Task, look_up
    from modelgen.hub.connection.failures import grouped

    before = proposal.files
    data = append(before.data, proposal.tables(None))
    # A first lock has all models, if the hub may be asked.
    only = frozenset({proposal.name}) if before.lock is not None or connect is None else None
    found = look_up(Task(inputs_of(before.config, data, before.lock), only), connect, before.unchanged)
    if failures := grouped(found.resolution.faults.values()):
        for failure in failures[:-1]:
            click.echo(f"modelgen: {failure}", err=True)
        raise failures[-1]
    for warning in found.warnings:
        click.echo(f"modelgen: warning: {warning}", err=True)
    return found.lock


def _report(proposal: Proposal, lock: Lock, fleet: Fleet) -> None:
    from modelgen.sizes import of_files, of_memory

    config, name = proposal.files.config, proposal.name
    service = next(service for service in fleet.services if service.model == name)
    say(f"added [models.{name}] to {config} and locked it in {lock_path(config)}")
    say(f"engine: {proposal.engine}")
    entries = [entry for entry in lock.snapshots if name in entry.models]
    for entry in entries:
        size = f"{of_files(entry.size)} in {len(entry.files)} file{'s' if len(entry.files) != 1 else ''}"
        say(f"weights: {size} of {entry.repo}" + (f", license {entry.license}" if entry.license else ""))
    for taken in service.reservations:
        is_all = proposal.document.config.defaults is None or proposal.document.config.defaults.gpu_memory is None
        hint = ": all that its limit allows; `gpu_memory` leaves room for other models" if is_all else ""
        say(f"memory: it reserves {of_memory(taken.memory)} of {taken.gpu}{hint}")
    if not service.reservations:
        say("memory: it uses no GPU")
    say(f"profile: in none, so it is loaded by a request for `{name}` or by `modelgen load {name}`")
