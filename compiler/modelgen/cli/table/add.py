"""Implement `modelgen add`."""

from __future__ import annotations

import os
import re
from pathlib import Path

import click

from modelgen.cli.completion import complete_gpus
from modelgen.cli.hub.hub_options import token_option
from modelgen.cli.options import config_option
from modelgen.cli.reading import printable

# Ollama and llama.cpp name a quantization after a colon.
_TAGGED = re.compile(r"(?:(?:https?://)?(?:hf\.co|huggingface\.co)/)?([^/:?#]+/[^/:?#]+):([^/:?#]+)")
_PAGE = re.compile(r"(?:https?://)?(?:www\.)?(?:huggingface\.co|hf\.co)/([^/?#]+/[^/?#]+)(?:[/?#].*)?")


def _local(_context: click.Context, _option: click.Parameter, value: str | None) -> str | None:
    """Accept a repository id of the namespace `local`."""
    from modelgen.lockfile.repos import is_local, is_repo_id

    if value is not None and (not is_local(value) or not is_repo_id(value)):
        raise click.BadParameter(
            f"`{value}` is not `local/` followed by letters, digits, `.`, `_` or `-`: write --as local/my-ft"
        )
    return value


def _engine(_context: click.Context, _option: click.Parameter, value: str | None) -> str | None:
    """Accept the name of an engine that loads weights."""
    if value is None:
        return None
    from modelgen.engines import ENGINES

    known = [name for name, engine in ENGINES.items() if engine.opens is not None]
    if value not in known:
        raise click.BadParameter(f"`{printable(value)}` is not one of {', '.join(known)}")
    return value


@click.command("add")
@click.argument("source", metavar="REPO|PATH")
@click.option("--gpu", shell_complete=complete_gpus, help="The GPU of [gpus] for the model.  [default: the only one]")
@click.option("--id", "id_", metavar="ID", help="The model's id.  [default: the repository's name]")
@click.option("--engine", metavar="NAME", callback=_engine, help="The engine.  [default: one that suits the files]")
@click.option("--quant", help="The quantization to take from a repository of GGUF files, such as Q4_K_M.")
@click.option("--file", "file", metavar="FILE", help="The file to take from a repository of GGUF files.")
@click.option(
    "--as", "repo", metavar="local/NAME", callback=_local, help="Add PATH, a checkpoint of yours, as this repository."
)
@click.option("--no-table", is_flag=True, help="With --as: print the table, and leave models.toml unchanged.")
@token_option
@config_option
def add_command(  # noqa: PLR0913 - an argument for each option
    source: str,
    *,
    gpu: str | None,
    id_: str | None,
    engine: str | None,
    quant: str | None,
    file: str | None,
    repo: str | None,
    token_file: Path | None,
    config: Path,
    no_table: bool,
) -> int:
    """Add a model to models.toml and lock it.

    REPO is a repository on the hub. Its table is appended to models.toml and its files are locked in models.lock, if
    the file is valid before and after. No weights are downloaded. A repository of GGUF files needs
    --quant or --file; on a terminal, you can choose from a list.

    With --as, PATH is a checkpoint of your own: a folder with config.json and weights, the folder of a LoRA adapter, or
    a GGUF file. It is put into the hub directory first, under a commit that is computed from its contents. Files are
    cloned (reflink) if the file system supports it, else copied.

    \b
    Example:
      modelgen add Qwen/Qwen3-8B
      modelgen add Qwen/Qwen3-8B-GGUF --quant Q4_K_M --gpu gpu0
      modelgen add ./runs/my-ft --as local/my-ft
    """
    from modelgen.cli.table.entering import Choices

    choices = Choices(id_, gpu, engine)
    if repo is not None:
        if quant or file or token_file:
            raise click.UsageError("--quant, --file and --token-file are for a repository on the hub; remove them")
        if no_table and (gpu or id_ or engine):
            raise click.UsageError("--no-table appends no table; remove --gpu, --id and --engine")
        from modelgen.cli.table.local import add_folder

        return add_folder(Path(source), repo, config, None if no_table else choices)
    if no_table:
        raise click.UsageError("--no-table needs --as: a model of the hub is added by its table alone")
    from modelgen.cli.table.repository import File, add_repository

    if (tagged := _TAGGED.fullmatch(source)) and not os.path.lexists(source):
        if quant or file:
            raise click.UsageError(f"`{printable(source)}` names a quantization: remove --quant and --file")
        source, quant = tagged[1], tagged[2]
    return add_repository(_repository(source), config, choices, File(quant, file), token_file)


def _repository(source: str) -> str:
    """Return the repository id that is meant.

    Raises:
        UsageError: It is something else.
    """
    from modelgen.lockfile.repos import is_local, is_repo_id

    page = _PAGE.fullmatch(source)
    repo = page[1] if page else source
    if page is None and os.path.lexists(source):
        raise click.UsageError(
            f"{printable(source)} exists here: add it with `--as local/NAME`, or pass the address of the hub's page"
        )
    if is_local(repo):
        raise click.UsageError(f"{repo} is a checkpoint of your own: run `modelgen add PATH --as {repo}`")
    if not is_repo_id(repo):
        from modelgen.config.familiar_answers import about_tag

        hint = about_tag(repo)
        raise click.UsageError(
            f"`{printable(source)}` is neither a repository id, `namespace/name`, nor a path that exists"
            f"{f'; {hint}' if hint else ''}"
        )
    return repo
