"""Implement `modelgen plan`."""

from __future__ import annotations

import json
import sys
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import click

from modelgen.cli.compiling import compile_file, print_findings
from modelgen.cli.exits import FOUND, OUT_OF_DATE, cannot
from modelgen.cli.options import config_option, out_option
from modelgen.cli.terminal import fill, width_of
from modelgen.sizes import of_files

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from modelgen.fit import Fitted
    from modelgen.operate.plan_notes import CacheChange
    from modelgen.operate.planned import Difference, Planned

_COMPOSE = "docker-compose.yml"
_MANIFEST = "orchestrator/config/manifest.json"
_WORDS = {"create": "created", "recreate": "made anew", "remove": "removed", "change": "", "comment": "stays"}


class _Plan(NamedTuple):
    """The changes that applying the new build makes.

    Args:
        changes: The services that differ.
        notes: What each of these changes means, by service.
        unchanged: The number of other services.
        is_reload: Whether the orchestrator reads its manifest again.
        caches: The KV caches and verdicts that differ.
        download: Bytes to download; None if that is not known here.
        is_locked_size: Whether these are the files that the lock has for new models, since there is no hub directory.
    """

    changes: Sequence[Planned]
    notes: Mapping[str, Sequence[str]]
    unchanged: int
    is_reload: bool
    caches: Sequence[CacheChange]
    download: int | None
    is_locked_size: bool

    @property
    def is_empty(self) -> bool:
        """Return whether nothing changes."""
        return not self.changes and not self.is_reload


@click.command("plan")
@config_option
@out_option
@click.option(
    "--against",
    type=click.Path(path_type=Path),
    default=None,
    help="Compare with the build in this folder, such as that of another branch.  [default: the output directory]",
)
@click.option(
    "--format",
    "format_",
    type=click.Choice(("human", "json", "markdown")),
    default="human",
    show_default=True,
    help="How to print the plan; `markdown` is for a comment on a pull request.",
)
def plan_command(config: Path, out: Path | None, against: Path | None, format_: str) -> int:
    """Show which containers the new build creates, makes anew or removes, and why. Exits with 4 if there are any.

    A container is made anew if anything in its service differs; its model is loaded again then. Below it is what that
    means: flags that change with the release, and whether compiled kernels are used again. KV caches and verdicts are
    estimates. Nothing is written, and Docker is not asked: the old state is the last build.

    \b
    Example:
      modelgen plan
      modelgen plan --format markdown
      git worktree add ../main main && modelgen plan --against ../main/build
    """
    compilation, out = compile_file(config, out, reads_back=False)
    print_findings(compilation, "human", to_stderr=True)
    if compilation.failed:
        return FOUND
    from modelgen.operate.plan_notes import cache_changes, is_of_other_files, locked_size, notes_of
    from modelgen.operate.planned import plan_files

    assert compilation.fitted is not None, "it has no errors"  # noqa: S101 - an invariant
    folder = out if against is None else against
    new = compilation.artifacts[_COMPOSE]
    changes, unchanged = plan_files(_read(folder / _COMPOSE), new, f"{folder / _COMPOSE}")
    old_manifest, manifest = _read(folder / _MANIFEST), compilation.artifacts.get(_MANIFEST)
    download = _bytes_to_download(config, compilation.fitted)
    locked = locked_size(compilation.fitted, [one.model for one in changes if is_of_other_files(one)])
    plan = _Plan(
        changes,
        {change.service: notes_of(change, compilation.fitted) for change in changes},
        unchanged,
        not _is_made_anew(changes) and old_manifest != manifest,
        cache_changes(old_manifest, manifest) if old_manifest != manifest else [],
        locked or None if download is None else download,
        is_locked_size=download is None and locked > 0,
    )
    if format_ == "json":
        click.echo(json.dumps(_as_json(plan), indent=2, ensure_ascii=False))
    else:
        click.echo("\n".join((_markdown if format_ == "markdown" else _lines)(plan)))
    return 0 if plan.is_empty else OUT_OF_DATE


def _read(path: Path) -> bytes | None:
    """Return a file of the old build; None if there is none."""
    try:
        return path.read_bytes()
    except FileNotFoundError:
        return None
    except OSError as error:
        raise cannot("read", path, error, "choose another folder with --against") from error


def _is_made_anew(changes: Sequence[Planned]) -> bool:
    return any(change.service == "orchestrator" and change.kind != "comment" for change in changes)


def _bytes_to_download(config: Path, fitted: Fitted) -> int | None:
    """Return how much of the lock the hub directory lacks; None without a lock or on a host without the directory."""
    from modelgen.cli.hub.hub_options import hub_directory
    from modelgen.cli.hub.known_complete import is_known_complete
    from modelgen.files import ModelgenError

    resolved = fitted.resolved
    lock = resolved.lock
    if lock is None:
        return None
    try:
        hub = hub_directory(resolved.document.config.project.hub, config.parent)
        if not hub.is_dir():
            return None
        if is_known_complete(config, hub):
            return 0
        from modelgen.hub.cache.layout import checkouts
        from modelgen.hub.fetching.planning import plan
        from modelgen.hub.fetching.remembered import Seen
        from modelgen.resolve.assets import wants

        entries = [entry for want in wants(resolved.runs, lock) if (entry := lock.find(want)) is not None]
        return plan(hub, checkouts(hub, entries), lock.assets, Seen(hub)).size
    except (ModelgenError, OSError):  # `modelgen fetch` explains it
        return None


def _lines(plan: _Plan) -> Iterator[str]:
    """Yield the plan as text."""
    width = width_of(sys.stdout)
    for change in plan.changes:
        model = f" ({change.model})" if change.model else ""
        yield f"{change.kind:<9} {change.service}{model}"
        for text in (*map(_difference, change.differences), *plan.notes[change.service]):
            yield fill(f"          {text}", width, "            ")
    if plan.is_reload:
        yield "reload    orchestrator: it reads its list of models again; running models stay"
    for cache in plan.caches:
        yield f"estimate  {cache.model}: {_cache(cache)}"
    if plan.download:
        yield f"download  {_download(plan, plan.download)}"
    if plan.is_empty:
        yield "nothing changes"
    elif plan.unchanged:
        yield f"unchanged {plan.unchanged} service{'s' if plan.unchanged > 1 else ''}"


def _download(plan: _Plan, size: int) -> str:
    return of_files(size) + (": the files of new models in models.lock, without a hub directory" * plan.is_locked_size)


def _difference(one: Difference) -> str:
    return f"{one.key}: {_change(one)}"


def _change(difference: Difference) -> str:
    from modelgen.operate.planned import NAMED

    if difference.key in NAMED.values():
        old, new = difference.before, difference.after
        return f"{new} created" + (f" in place of {old}" if old else "") if new else f"{old} not used any more"
    if difference.before is None:
        return f"{difference.after or 'on'} (new)"
    if difference.after is None:
        return f"{difference.before or 'on'} (removed)"
    return f"{difference.before or 'on'} → {difference.after or 'on'}"


def _cache(one: CacheChange) -> str:
    """Return how the estimate of a model changed."""
    old, new = map(_tokens, (one.tokens_before, one.tokens))
    verdicts = [verdict for verdict in (one.verdict_before, one.verdict) if verdict]
    if one.is_new and one.tokens is not None and one.tokens[2] == 0 and one.verdict == "fits":
        return "needs no KV cache, fits"
    if one.is_new:
        return f"KV cache {new} tokens, {one.verdict}"
    text = f"KV cache {old} → {new} tokens" if one.tokens_before != one.tokens else ""
    if text and one.is_within_error:
        text += ", a difference within the error"
    if len({*verdicts}) > 1:
        text += f"{'; ' if text else ''}{' → '.join(verdicts)}"
    return text


def _tokens(tokens: tuple[int, int, int] | None) -> str:
    """Return tokens with the least and the most that they may be."""
    if tokens is None:
        return "no estimate"
    least, value, most = tokens
    return f"{value:,}" + (f" ({least:,} to {most:,})" if least != most else "")


def _markdown(plan: _Plan) -> Iterator[str]:
    """Yield the plan as a table in Markdown."""
    if plan.is_empty:
        yield "**modelgen plan**: nothing changes."
        return
    yield "**modelgen plan**"
    yield ""
    yield "| service | model | container | because of |"
    yield "| --- | --- | --- | --- |"
    for change in plan.changes:
        reasons = [f"`{one.key}`: {_cell(_change(one))}" for one in change.differences]
        reasons += [_cell(note).replace("\\`", "`") for note in plan.notes[change.service]]
        yield f"| `{change.service}` | {_cell(change.model)} | {_WORDS[change.kind]} | {'<br>'.join(reasons)} |"
    if plan.is_reload:
        yield "| `orchestrator` | | stays | reads its list of models again |"
    yield ""
    for cache in plan.caches:
        yield f"- {_cell(cache.model)}: {_cache(cache)}"
    if plan.download:
        yield f"- Download: {_download(plan, plan.download)}"
    if plan.unchanged:
        yield f"- {plan.unchanged} {'services stay' if plan.unchanged > 1 else 'service stays'} unchanged"


def _cell(text: str) -> str:
    return text.replace("\\", "\\\\").replace("|", "\\|").replace("<", "&lt;").replace("`", "\\`")


def _as_json(plan: _Plan) -> Mapping[str, Any]:
    return {
        "changes": [{**asdict(change), "notes": [*plan.notes[change.service]]} for change in plan.changes],
        "unchanged": plan.unchanged,
        "reload": plan.is_reload,
        "estimates": [cache._asdict() for cache in plan.caches],
        "download": plan.download,
        "download_is_locked_size": plan.is_locked_size,
    }
