"""Implement `modelgen fit`."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import click

from modelgen.cli.compiling import check_file, print_findings
from modelgen.cli.completion import complete_models
from modelgen.cli.exits import FOUND
from modelgen.cli.hub.hub_options import token_option
from modelgen.cli.options import config_option

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from modelgen.cli.configuration.fit_changes import Changes
    from modelgen.diagnostics import Diagnostic
    from modelgen.fit import Fitted
    from modelgen.fit.estimate import Estimate
    from modelgen.pipeline import Checked
    from modelgen.resolve import Resolved

_ROOM = ("MG546", "MG547")
"""Rules whose findings the table has as verdicts."""
_OF_LOCK = "MG5"
"""Rules about the locked files: the memory of the other models, or of the same, is known all the same."""


@click.command("fit")
@click.argument("models", nargs=-1, metavar="[MODEL|REPO]...", shell_complete=complete_models)
@config_option
@click.option("--why", is_flag=True, help="Print the calculation, line by line.")
@click.option("--context", metavar="TOKENS", help="As if this were the longest request, such as 32k.")
@click.option("--gpu", metavar="CARD", help='As if the models had such GPUs, such as "RTX 3090".')
@click.option("--tp", type=click.IntRange(1), metavar="N", help="As if N such GPUs divided every layer.")
@click.option("--kv-cache-dtype", metavar="TYPE", help="As if the KV cache had this type, such as fp8.")
@click.option("--max-num-seqs", type=click.IntRange(1), metavar="N", help="As if so many sequences ran at once.")
@click.option(
    "--learn-from",
    metavar="LOG|running",
    help="Take over the sizes that an engine printed when it started, from its log or from the running models.",
)
@token_option
@click.option(
    "--format", "format_", type=click.Choice(("table", "json")), default="table", show_default=True, help="The format."
)
def fit_command(  # noqa: PLR0913 - an argument for each option
    models: tuple[str, ...],
    *,
    config: Path,
    why: bool,
    context: str | None,
    gpu: str | None,
    tp: int | None,
    kv_cache_dtype: str | None,
    max_num_seqs: int | None,
    learn_from: str | None,
    token_file: Path | None,
    format_: str,
) -> int:
    """Estimate whether each model's weights and its longest request fit into its reserved memory.

    Weights and config come from models.lock, without GPU and network. Numbers are estimates with an error: "fits" and
    "does not fit" hold within it, and "tight" means that the error decides. Exits with 1 if a model does not fit, or
    if its engine refuses what an option changes, such as a context that is longer than the model's.

    A REPO that models.toml does not have is looked up on the hub, for one GPU that --gpu names and the newest engine;
    no models.toml is needed, and only the headers of its files are read. Of GGUF files, each quantization is a row.

    \b
    Example:
      modelgen fit
      modelgen fit text-4b --why
      modelgen fit --context 32k --gpu "RTX 3090" --tp 2
      modelgen fit Qwen/Qwen3-8B --gpu "RTX 4090" --context 16k
      modelgen fit unsloth/Qwen3-8B-GGUF --gpu "RTX 3060 12GB" --context 16k
      modelgen fit --learn-from running
    """
    from modelgen.cli.configuration.fit_changes import Changes
    from modelgen.cli.hub.locked import chosen_models
    from modelgen.diagnostics import has_errors

    flags = {"tensor-parallel-size": tp, "kv-cache-dtype": kv_cache_dtype, "max-num-seqs": max_num_seqs}
    changes = Changes.read(context, gpu, flags)
    repo = _as_repository(models, config)
    checked = check_file(config) if repo is None or config.exists() else None
    if repo is not None and (checked is None or not _has(checked.resolved, repo)):
        fitted = _look_up(repo, changes, token_file, learn_from)
        chosen = tuple(fitted.resolved.document.models)
    elif checked is None or checked.fitted is None or has_errors(_others(checked, learn_from)):
        assert checked is not None, "a file that is named or needed is read"  # noqa: S101
        print_findings(checked, "human", to_stderr=True)
        return FOUND
    else:
        fitted = checked.fitted
        chosen = chosen_models(fitted.resolved.document, config, models)
        if learn_from is not None:
            from modelgen.cli.configuration.fit_learning import learn

            return learn(config, fitted, learn_from, chosen)
    is_as_written = checked is not None and fitted is checked.fitted and not any(changes)
    known, resolved = fitted.estimates if is_as_written else {}, fitted.resolved
    found = {name: known.get(name) or _estimate(fitted, name, changes) for name in chosen}
    _note_unused(resolved, found, changes)
    if format_ == "json":
        from modelgen.cli.configuration.fit_json import as_json

        click.echo(json.dumps(as_json(resolved, found, changes), indent=2, ensure_ascii=False))
    else:
        from modelgen.cli.configuration.fit_tables import print_sums, print_table

        (print_sums if why else print_table)(resolved, found, changes)
    has_others = is_as_written and checked is not None and _print_errors(checked)
    return FOUND if has_others or any(map(_is_lacking, found.values())) else 0


def _is_lacking(one: Estimate | str) -> bool:
    from modelgen.cli.configuration.fit_refusals import Refused

    return isinstance(one, Refused) or (not isinstance(one, str) and one.verdict == "does not fit")


def _others(checked: Checked, learn_from: str | None) -> list[Diagnostic]:
    """Return the findings with which a file cannot be estimated: all but those about locked files and room.

    Nothing is learned for a file with other errors than these two about lengths and room.
    """
    is_kept = (*_ROOM, "MG509") if learn_from is not None else (_OF_LOCK,)
    return [one for one in checked.diagnostics if not one.code.startswith(is_kept)]


def _print_errors(checked: Checked) -> bool:
    """Print the errors that the table does not have as verdicts; return whether there are any."""
    from modelgen.cli.findings import print_diagnostics
    from modelgen.diagnostics import has_errors

    found = [one for one in checked.diagnostics if one.code not in _ROOM and has_errors([one])]
    if found:
        print_diagnostics(found, checked.sources, to_stderr=True)
    return bool(found)


def _as_repository(models: tuple[str, ...], config: Path) -> str | None:
    """Return the repository id that a command line names alone; None if it names none.

    Raises:
        UsageError: An address stands in its place, or there is no models.toml that could have these models.
    """
    from modelgen.lockfile.repos import is_local, is_repo_id

    for name in models:
        if name.startswith(("https://", "http://")):
            raise click.UsageError(f"{name[:200]} is not a repository id: write it as on its page, such as org/name")
    are_repos = any("/" in name and not is_local(name) for name in models)
    if are_repos and not config.exists() and (len(models) > 1 or not is_repo_id(models[0])):
        raise click.UsageError(
            f"there is no models.toml with {' and '.join(models)[:200]}: name one repository, such as org/name"
        )
    if len(models) != 1 or not is_repo_id(models[0]) or is_local(models[0]) or "/" not in models[0]:
        return None
    return models[0]


def _has(resolved: Resolved | None, name: str) -> bool:
    """Return whether a model of the file has this other name."""
    from modelgen.cli.hub.locked import names_of

    return resolved is not None and any(name in others for others in names_of(resolved.document).values())


def _look_up(repo: str, changes: Changes, token_file: Path | None, learn_from: str | None) -> Fitted:
    from modelgen.cli.configuration.fit_repository import fit_repository
    from modelgen.fit.budgets import share

    if learn_from is not None:
        raise click.UsageError(f"{repo} is not in models.toml: --learn-from is for a model of the file")
    if changes.card is None:
        raise click.UsageError(f'{repo} is not in models.toml: name a GPU to look it up for, such as --gpu "RTX 4090"')
    fitted = fit_repository(repo, changes.card, changes.length, token_file)
    run = next(iter(fitted.resolved.runs.values()))
    if run.engine is not None and run.version is not None:
        taken = f"{float(share([*fitted.resolved.cards.values()], None)):g} of the GPU"
        click.echo(f"{repo}: {run.engine.title} {run.version.text}, which reserves {taken}", err=True)
    return fitted


def _note_unused(resolved: Resolved, found: Mapping[str, Estimate | str], changes: Changes) -> None:
    """Print for which models a measured start is there and does not count."""
    for name, one in found.items():
        is_used = not isinstance(one, str) and getattr(one.start, "measured", None) is not None
        if name in resolved.measured and not is_used and changes.card is None and not changes.args:
            text = "models.measured.toml has another commit, release, GPU or other flags, so that it does not count"
            click.echo(f"{name}: {text}; run `modelgen fit --learn-from running`", err=True)


def _estimate(fitted: Fitted, name: str, changes: Changes) -> Estimate | str:
    """Return the estimate of a model, or why there is none."""
    from modelgen.cli.configuration.fit_refusals import refusal
    from modelgen.fit.models import estimate_start, start_of_model
    from modelgen.fit.shapes import CannotEstimateError
    from modelgen.fit.sizing import estimate_open

    resolved = fitted.resolved
    own = fitted.lengths[name].own if name in fitted.lengths else resolved.pins[name].length
    try:
        start = changes.apply(start_of_model(resolved, name), resolved.runs[name])
        if (refused := refusal(resolved, name, start, changes)) is not None:
            return refused
        return estimate_start(start) if own is None or changes.length is not None else estimate_open(start, own)
    except CannotEstimateError as error:
        return str(error)
