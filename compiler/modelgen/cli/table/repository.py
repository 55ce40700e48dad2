"""Add a model of the hub: propose its table, look up its lock, and write both if the compiler accepts them."""

from __future__ import annotations

import sys
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING

import click

from modelgen.cli.configuration.suggested import model_table
from modelgen.cli.hub.hub_options import read_token
from modelgen.cli.interruption import interruptible
from modelgen.cli.lock.lock import connect_to_hub
from modelgen.cli.reading import printable, say
from modelgen.cli.table.change import read_valid
from modelgen.cli.table.engine_choice import choose_engine, engine_table, kind_by_task
from modelgen.cli.table.entering import Proposal, enter, unchanged_on_failure
from modelgen.cli.terminal import is_terminal
from modelgen.files import InputError

if TYPE_CHECKING:
    from pathlib import Path

    from modelgen.cli.table.entering import Choices
    from modelgen.hub.connection.client import Connection
    from modelgen.hub.locking.repository import Repository
    from modelgen.hub.snapshot.checkpoint import Checkpoint
    from modelgen.load import Document
    from modelgen.lockfile.entries import Lock
    from modelgen.lockfile.quants import Quant

_MOST_LISTED = 30


@dataclass(frozen=True)
class File:
    """The GGUF file that the command line chooses: by its quantization, or by its path."""

    quant: str | None
    path: str | None


def add_repository(repo: str, config: Path, choices: Choices, file: File, token_file: Path | None) -> int:
    """Add a model of the hub, and return the exit code."""
    files, resolved = read_valid(config, f"fix {config} first; nothing was added")
    document = resolved.document
    _refuse_second(repo, document, choices)
    gpu = choices.gpu_of(document)
    name = choices.id_of(repo, document)
    with interruptible(files.unchanged):
        connection = connect_to_hub(read_token(token_file))
        with unchanged_on_failure(files):
            found = _find(connection, repo, name)
            checkpoint = _recognise(repo, found, file)
        engine, why = choose_engine(checkpoint, found.task, document.config, choices.engine)

        def tables(lock: Lock | None) -> str:
            # The length of the context is in config.json, which the lock has.
            read = replace(checkpoint, config=_config(lock, repo))
            table = model_table(name, repo, read, gpu, engine=engine, defaults=document.config.defaults)
            return engine_table(engine, document.config) + table

        return enter(Proposal(files, document, name, tables, f"{engine.title}: {why}"), partial(_given, connection))


def _given(connection: Connection) -> Connection:
    return connection


def _refuse_second(repo: str, document: Document, choices: Choices) -> None:
    if choices.id is not None:
        return
    for name, model in document.models.items():
        if (model.repo or "").lower() == repo.lower():
            raise InputError(
                f"{document.source.path} has {model.repo} already, as `{name}`; choose an id with --id to add it again"
            )


def _find(connection: Connection, repo: str, name: str) -> Repository:
    from modelgen.hub.locking.ask import Ask
    from modelgen.hub.locking.online import find_repository
    from modelgen.lockfile.wants import Want

    return find_repository(connection, Ask(Want(repo, models=(name,)), None), say)


def _recognise(repo: str, found: Repository, file: File) -> Checkpoint:
    """Return the checkpoint of a repository as far as the names of its files show it."""
    from modelgen.hub.snapshot.checkpoint import Checkpoint, kind_of

    kind = kind_by_task(kind_of(found.files), found.task)
    if kind == "lora":
        raise InputError(
            f'{repo} is a LoRA adapter: write `loras = {{ NAME = "{repo}" }}` in the table of its base model, then '
            "run `modelgen lock`"
        )
    if kind != "gguf":
        if file.quant or file.path:
            raise click.UsageError(f"{repo} has no GGUF files to choose from; remove --quant and --file")
        return Checkpoint(kind)
    from modelgen.lockfile.quants import find_quants, gguf_files

    quants = find_quants({path: size for path, (size, *_) in found.files.items()})
    if not quants:
        raise InputError(f"{repo} has no GGUF file of a model")
    chosen = _choose(quants, file)
    return Checkpoint("gguf", file=chosen.file, mmproj=gguf_files(found.files)[1])


def _choose(quants: list[Quant], file: File) -> Quant:
    """Return the quantization that is chosen on the command line, the only one, or the one chosen on the terminal."""
    chosen = [
        quant
        for quant in quants
        if (file.path is None or quant.file == file.path)
        and (file.quant is None or quant.name.lower() == file.quant.lower())
    ]
    if len(chosen) == 1:
        return chosen[0]
    wanted = file.path or file.quant
    if wanted is None and is_terminal(sys.stdin) and is_terminal(sys.stderr):
        return _ask(quants)
    start = f"there is no {wanted}" if wanted and not chosen else f"there are {len(chosen)} files"
    option = "--file" if wanted and chosen else "--quant or --file"
    raise click.UsageError(f"{start}; choose one with {option}:\n{_listed(chosen or quants)}")


def _ask(quants: list[Quant]) -> Quant:
    click.echo(_listed(quants, numbered=True), err=True)
    number = click.prompt("Number", type=click.IntRange(1, len(quants)), err=True)
    return quants[number - 1]


def _listed(quants: list[Quant], *, numbered: bool = False) -> str:
    from modelgen.sizes import of_files

    shown = quants if numbered else quants[:_MOST_LISTED]
    width = max(len(quant.name) for quant in shown)
    lines = [
        (f"{number:>3}  " if numbered else "  ") + f"{quant.name:<{width}}  {of_files(quant.size):>8}  {quant.file}"
        for number, quant in enumerate(shown, 1)
    ]
    more = len(quants) - len(shown)
    return "\n".join(map(printable, lines)) + (f"\n  … and {more} more" if more else "")


def _config(lock: Lock | None, repo: str) -> dict[str, object]:
    """Return the config.json of a repository in a lock; empty if it has none."""
    from modelgen.resolve.assets import config_in

    entries = lock.snapshots if lock else ()
    return config_in(next((entry for entry in entries if entry.repo == repo and entry.config), None))
