"""Add a checkpoint of the user's: put it into the hub directory, and enter its table."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING

import click

from modelgen.cli.compiling import read_config, read_lock
from modelgen.cli.configuration.suggested import base_of, id_of, lora_rank, loras, model_table
from modelgen.cli.exits import cannot
from modelgen.cli.hub.hub_options import hub_directory
from modelgen.cli.reading import interrupted, printable, reading, say
from modelgen.cli.table.change import read_valid
from modelgen.cli.table.engine_choice import choose_engine, engine_table
from modelgen.cli.table.entering import Proposal, enter, refuse_early
from modelgen.cli.terminal import is_terminal
from modelgen.files import InputError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from modelgen.cli.table.change import Files
    from modelgen.cli.table.entering import Choices
    from modelgen.hub.adding.add import Added
    from modelgen.hub.adding.sources import Source
    from modelgen.hub.snapshot.checkpoint import Checkpoint
    from modelgen.load import Document

_MOST_NAMED = 20


def add_folder(path: Path, repo: str, config: Path, choices: Choices | None) -> int:
    """Put a checkpoint into the hub directory, and return the exit code.

    Args:
        path: A folder, or a GGUF file.
        repo: `local/…`.
        config: The models.toml.
        choices: The id and the GPU of the table to append; None to print it only.
    """
    document = _read(config)
    entry = None if choices is None or _is_served(repo, document) else _Entry.begin(repo, config, choices)
    try:
        checkpoint = _put(path, repo, document, config, entry)
    except KeyboardInterrupt:
        return interrupted(f"{repo} is unchanged; run it again")
    if entry is not None and checkpoint.kind != "lora":
        return entry.enter(checkpoint)
    if choices is None or checkpoint.kind == "lora":
        table = "the table below" if is_terminal(sys.stdout) else "the table on standard output"
        say(f"put {table} into models.toml, then run `modelgen lock`")
        click.echo(_table(repo, checkpoint, document), nl=False)
    return 0


@dataclass(frozen=True)
class _Entry:
    """The table to append, as far as it is known before gigabytes are copied."""

    repo: str
    files: Files
    document: Document
    gpu: str | None
    engine: str | None
    name: str

    @classmethod
    def begin(cls, repo: str, config: Path, choices: Choices) -> _Entry:
        files, resolved = read_valid(config, f"fix {config} first, or pass --no-table; nothing was added")
        document = resolved.document
        return cls(repo, files, document, choices.gpu_of(document), choices.engine, choices.id_of(repo, document))

    def enter(self, checkpoint: Checkpoint) -> int:
        return enter(self.proposal(checkpoint), None)

    def proposal(self, checkpoint: Checkpoint) -> Proposal:
        config = self.document.config
        engine, why = choose_engine(checkpoint, None, config, self.engine, is_own=True)
        table = model_table(self.name, self.repo, checkpoint, self.gpu, engine=engine, defaults=config.defaults)
        text = engine_table(engine, config) + table
        return Proposal(self.files, self.document, self.name, lambda _: text, f"{engine.title}: {why}")


def _is_served(repo: str, document: Document) -> bool:
    return any(repo in (model.repo, *(model.loras or {}).values()) for model in document.models.values())


def _put(path: Path, repo: str, document: Document, config: Path, entry: _Entry | None) -> Checkpoint:
    """Put the files into the hub directory, report it, and return the checkpoint; check its table before."""
    hub = hub_directory(document.config.project.hub, config.parent)
    from modelgen.hub.adding.sources import find_sources
    from modelgen.hub.snapshot.checkpoint import examine

    sources, skipped = find_sources(path)
    checkpoint = examine({name: source.path for name, source in sources.items()})
    if checkpoint.faults:
        more = f" (and {len(checkpoint.faults) - 5} more)" if len(checkpoint.faults) > 5 else ""
        raise InputError(f"no engine could load {path}: {'; '.join(checkpoint.faults[:5])}{more}")
    if skipped:
        more = f" and {len(skipped) - _MOST_NAMED} more" if len(skipped) > _MOST_NAMED else ""
        say(f"left out, since no engine needs it: {', '.join(map(printable, skipped[:_MOST_NAMED]))}{more}")
    for warning in checkpoint.warnings:
        say(f"warning: {warning}")
    if entry is not None and checkpoint.kind != "lora":
        refuse_early(entry.proposal(checkpoint))
    added = _add(hub, repo, sources)
    _register(hub, config, added)
    _report(added, repo)
    return checkpoint


def _read(config: Path) -> Document:
    data = read_config(config)
    from modelgen.load import load

    document, _, _ = load(data, config.as_posix())
    if document is None or document.is_refused("project", "hub"):
        raise InputError(f"{config} names no hub directory that can be used; run `modelgen validate`")
    return document


def _add(hub: Path, repo: str, sources: Mapping[str, Source]) -> Added:
    from modelgen.hub.adding.add import add
    from modelgen.hub.cache.holding import held

    size = sum(source.size for source in sources.values())
    try:
        with held(hub, "modelgen add", say), reading(size) as advanced:
            return add(hub, repo, sources, advanced)
    except OSError as error:
        raise cannot("write", error.filename2 or error.filename or hub, error, "fix that and run it again") from error


def _register(hub: Path, config: Path, added: Added) -> None:
    """Register the lock that will pin what was added."""
    from modelgen.cli.hub.registering import register_lock
    from modelgen.hub.cache.registry import Need
    from modelgen.lockfile.reading import parse_lock

    checkout, data = added.checkout, read_lock(config) or b""
    lock, _ = parse_lock(data)
    need = Need(checkout.repo, checkout.commit, (), {path: file.etag for path, file in checkout.files.items()})
    if lock is not None and (note := register_lock(hub, config, data, lock, [need])):
        say(note)


def _report(added: Added, repo: str) -> None:
    commit, files = added.checkout.commit, added.checkout.files
    size = sum(file.size for file in files.values())
    if not added.is_new and added.before == commit:
        say(f"{repo} exists already with this content; nothing to do (commit {commit})")
        return
    how = f"{added.copied:,} bytes copied" if added.copied else "nothing copied"
    count = f"{len(files)} file{'s' if len(files) > 1 else ''}"
    say(f"{repo} is commit {commit}: {count}, {size:,} bytes, {how}")
    if added.before not in (None, commit):
        say(
            f"it was commit {added.before} before, which is kept and stays pinned by a models.lock; "
            "`modelgen lock --upgrade` moves to the new one"
        )


def _table(repo: str, checkpoint: Checkpoint, document: Document) -> str:
    from modelgen.hub.snapshot.checkpoint import Checkpoint as Base

    gpu = next(iter(document.config.gpus or {}), None)
    name = id_of(repo)
    if checkpoint.kind != "lora":
        return model_table(name, repo, checkpoint, gpu)
    base, rank = base_of(checkpoint), lora_rank(checkpoint)
    served = next((model for model, table in document.models.items() if table.repo == base), None)
    if base is not None and served is None:
        return model_table(id_of(base), base, Base("model"), gpu, {name: (repo, checkpoint)})
    where = f"[models.{served}], which serves its base {base}" if served else "the table of its base model"
    args = f"; and into its args: max-lora-rank = {rank}" if rank else ""
    return f"# Into {where}{args}\n{loras({name: repo})}\n"
