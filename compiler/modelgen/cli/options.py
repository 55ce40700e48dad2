"""Define the options that several commands share."""

from __future__ import annotations

import functools
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from click.core import ParameterSource

if TYPE_CHECKING:
    from collections.abc import Callable

NAME = "models.toml"
FORMATS = ("human", "json", "github", "sarif")


class _GivenPath(click.Path):
    """A path that is not empty: an unset variable in a script must not mean the current directory."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:  # noqa: ANN401
        if value == "":
            self.fail("the path is empty", param, ctx)
        return super().convert(value, param, ctx)


def _find_config(ctx: click.Context, param: click.Parameter, value: Path) -> Path:
    """Return the file that is meant: in a folder that was given, or in the nearest folder above the current one."""
    if ctx.get_parameter_source(param.name or "") == ParameterSource.DEFAULT:
        return find_upward(Path()) or value
    return in_folder(value)


def in_folder(path: Path) -> Path:
    """Return the models.toml of a folder; other paths as they are."""
    return path / NAME if os.path.isdir(path) else path  # noqa: PTH112 - Path raises an error for a name that is too long


def find_upward(folder: Path) -> Path | None:
    """Return the nearest models.toml in `folder` or above it.

    The search ends at the root of a git repository, and at the home folder: what is above belongs to others.
    """
    # os.path answers where Path raises an error: no home folder, or a folder above that may not be read.
    home = os.path.expanduser("~")  # noqa: PTH111
    while not os.path.exists(folder / NAME):  # noqa: PTH110
        here = folder.resolve()
        if here in (Path(home), here.parent) or os.path.exists(folder / ".git"):  # noqa: PTH110
            return None
        folder = Path("..") if folder == Path() else folder / ".."
    return folder / NAME


config_option = click.option(
    "--config",
    "config",
    type=_GivenPath(path_type=Path, readable=False),
    default=Path(NAME),
    callback=_find_config,
    help="The file, or its folder.  [default: models.toml here or in a folder above]",
)
out_option = click.option(
    "--out",
    "out",
    type=_GivenPath(path_type=Path, readable=False),
    default=None,
    help="The output directory.  [default: build beside the file]",
)


def config_argument(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add `--config`, and the file as an argument: `modelgen validate prod/models.toml`."""

    @functools.wraps(command)
    def with_file(file: Path | None, config: Path, **options: Any) -> Any:  # noqa: ANN401 - the command's
        if file is not None:
            ctx = click.get_current_context()
            if ctx.get_parameter_source("config") != ParameterSource.DEFAULT:
                raise click.UsageError("pass the file once: as an argument, or with --config", ctx)
            config = in_folder(file)
        return command(config=config, **options)

    argument = click.argument("file", required=False, type=_GivenPath(path_type=Path, readable=False))
    return config_option(argument(with_file))


def json_option(help_: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Return the decorator that adds `--format human|json`."""
    choice = click.Choice(("human", "json"))
    return click.option("--format", "format_", type=choice, default="human", show_default=True, help=help_)


format_option = click.option(
    "--format", "format_", type=click.Choice(FORMATS), default="human", show_default=True, help="Output format."
)

max_findings_option = click.option(
    "--max-findings",
    type=click.IntRange(min=1),
    metavar="N",
    default=None,
    help="Print at most N findings, errors first.  [default: 30, or all in a format for programs]",
)
