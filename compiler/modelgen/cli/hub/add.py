"""Implement `modelgen add`."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from modelgen.cli.compiling import read_config, read_lock
from modelgen.cli.exits import cannot
from modelgen.cli.hub.hub_options import hub_directory
from modelgen.cli.options import config_option
from modelgen.cli.reading import interrupted, printable, reading
from modelgen.cli.terminal import is_terminal
from modelgen.files import InputError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from modelgen.hub.adding.add import Added
    from modelgen.hub.adding.sources import Source
    from modelgen.hub.snapshot.checkpoint import Checkpoint
    from modelgen.load import Document

_MOST_NAMED = 20


def _local(_context: click.Context, _option: click.Parameter, value: str) -> str:
    """Accept a repository id of the namespace `local`."""
    from modelgen.lockfile.repos import is_local, is_repo_id

    if not is_local(value) or not is_repo_id(value):
        raise click.BadParameter(
            f"`{value}` is not `local/` followed by letters, digits, `.`, `_` or `-`: write --as local/my-ft"
        )
    return value


@click.command("add")
@click.argument("path", type=click.Path(path_type=Path))
@click.option(
    "--as", "repo", required=True, metavar="local/NAME", callback=_local, help="The repository id for models.toml."
)
@config_option
def add_command(path: Path, repo: str, config: Path) -> int:
    """Put a checkpoint of your own into the hub directory, under a commit that is computed from its contents.

    PATH is a folder with config.json and weights, the folder of a LoRA adapter, or a GGUF file. Files are cloned
    (reflink) if the file system supports it, else copied. The table for models.toml is printed.

    \b
    Example:
      modelgen add ./runs/my-ft --as local/my-ft
    """
    try:
        return _enter(path, repo, config)
    except KeyboardInterrupt:
        return interrupted(f"{repo} is unchanged; run it again")


def _enter(path: Path, repo: str, config: Path) -> int:
    document = _read(config)
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
        _say(f"left out, since no engine needs it: {', '.join(map(printable, skipped[:_MOST_NAMED]))}{more}")
    for warning in checkpoint.warnings:
        _say(f"warning: {warning}")
    added = _add(hub, repo, sources)
    _register(hub, config, added)
    _report(added, repo)
    click.echo(_table(repo, checkpoint, document), nl=False)
    return 0


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
        with held(hub, "modelgen add", _say), reading(size) as advanced:
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
        _say(note)


def _report(added: Added, repo: str) -> None:
    commit, files = added.checkout.commit, added.checkout.files
    size = sum(file.size for file in files.values())
    if not added.is_new and added.before == commit:
        _say(f"{repo} exists already with this content; nothing to do (commit {commit})")
        return
    how = f"{added.copied:,} bytes copied" if added.copied else "nothing copied"
    count = f"{len(files)} file{'s' if len(files) > 1 else ''}"
    _say(f"{repo} is commit {commit}: {count}, {size:,} bytes, {how}")
    if added.before not in (None, commit):
        _say(
            f"it was commit {added.before} before, which is kept and stays pinned by a models.lock; "
            "`modelgen lock --upgrade` moves to the new one"
        )
    table = "the table below" if is_terminal(sys.stdout) else "the table on standard output"
    _say(f"put {table} into models.toml, then run `modelgen lock`")


def _table(repo: str, checkpoint: Checkpoint, document: Document) -> str:
    from modelgen.cli.configuration.suggested import base_of, id_of, lora_rank, loras, model_table
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


def _say(text: str) -> None:
    click.echo(f"modelgen: {text}", err=True)
