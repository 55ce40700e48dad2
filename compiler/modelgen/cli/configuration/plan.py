"""Implement `modelgen plan`."""

from __future__ import annotations

import json
import sys
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from modelgen.cli.compiling import compile_file, print_findings
from modelgen.cli.exits import FOUND, OUT_OF_DATE, cannot
from modelgen.cli.options import config_option, out_option
from modelgen.cli.terminal import fill, width_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from modelgen.operate.planned import Difference, Planned

_COMPOSE = "docker-compose.yml"
_MANIFEST = "orchestrator/config/manifest.json"
_WORDS = {"create": "created", "recreate": "made anew", "remove": "removed"}


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

    A container is made anew if anything in its service differs; its model is loaded again then. Nothing is written, and
    Docker is not asked: the old state is the last build.

    \b
    Example:
      modelgen plan
      modelgen plan --format markdown
      git worktree add ../main main && modelgen plan --against ../main/build
    """
    compilation, out = compile_file(config, out)
    print_findings(compilation, "human", to_stderr=True)
    if compilation.failed:
        return FOUND
    from modelgen.operate.planned import plan_files

    folder = out if against is None else against
    new = compilation.artifacts[_COMPOSE]
    changes, unchanged = plan_files(_read(folder / _COMPOSE), new, f"{folder / _COMPOSE}")
    is_reload = not _is_made_anew(changes) and _read(folder / _MANIFEST) != compilation.artifacts.get(_MANIFEST)
    if format_ == "json":
        click.echo(json.dumps(_as_json(changes, unchanged, is_reload=is_reload), indent=2, ensure_ascii=False))
    else:
        lines = _markdown if format_ == "markdown" else _lines
        click.echo("\n".join(lines(changes, unchanged, is_reload=is_reload)))
    return OUT_OF_DATE if changes or is_reload else 0


def _read(path: Path) -> bytes | None:
    """Return a file of the old build; None if there is none."""
    try:
        return path.read_bytes()
    except FileNotFoundError:
        return None
    except OSError as error:
        raise cannot("read", path, error, "choose another folder with --against") from error


def _is_made_anew(changes: Sequence[Planned]) -> bool:
    return any(change.service == "orchestrator" for change in changes)


def _lines(changes: Sequence[Planned], unchanged: int, *, is_reload: bool) -> Iterator[str]:
    """Yield the plan as text."""
    width = width_of(sys.stdout)
    for change in changes:
        model = f" ({change.model})" if change.model else ""
        yield f"{change.kind:<9} {change.service}{model}"
        for difference in change.differences:
            yield fill(f"          {difference.key}: {_change(difference)}", width, "            ")
    if is_reload:
        yield "reload    orchestrator: it reads its list of models again; running models stay"
    if not changes and not is_reload:
        yield "nothing changes"
    elif unchanged:
        yield f"unchanged {unchanged} service{'s' if unchanged > 1 else ''}"


def _change(difference: Difference) -> str:
    if difference.before is None:
        return f"{difference.after or 'on'} (new)"
    if difference.after is None:
        return f"{difference.before or 'on'} (removed)"
    return f"{difference.before or 'on'} → {difference.after or 'on'}"


def _markdown(changes: Sequence[Planned], unchanged: int, *, is_reload: bool) -> Iterator[str]:
    """Yield the plan as a table in Markdown."""
    if not changes and not is_reload:
        yield "**modelgen plan**: nothing changes."
        return
    yield "**modelgen plan**"
    yield ""
    yield "| service | model | container | because of |"
    yield "| --- | --- | --- | --- |"
    for change in changes:
        reasons = "<br>".join(f"`{one.key}`: {_cell(_change(one))}" for one in change.differences)
        yield f"| `{change.service}` | {_cell(change.model)} | {_WORDS[change.kind]} | {reasons} |"
    if is_reload:
        yield "| `orchestrator` | | stays | reads its list of models again |"
    yield ""
    yield f"{unchanged} unchanged."


def _cell(text: str) -> str:
    return text.replace("\\", "\\\\").replace("|", "\\|").replace("<", "&lt;").replace("`", "\\`")


def _as_json(changes: Sequence[Planned], unchanged: int, *, is_reload: bool) -> Mapping[str, Any]:
    return {"changes": [asdict(change) for change in changes], "unchanged": unchanged, "reload": is_reload}
