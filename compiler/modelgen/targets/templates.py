"""The templates folder, which mirrors the output: `x.j2` renders to `x`, anything else is copied."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

if TYPE_CHECKING:
    from collections.abc import Callable


@cache
def templates_folder() -> Path:
    """Return the folder: inside the installed package, or at the top of a repository that is used in place."""
    package = Path(__file__).parent.parent
    installed = package / "templates"
    return installed if installed.is_dir() else package.parent.parent / "templates"


def render_template(name: str, finalize: Callable[[Any], str], **values: object) -> str:
    """Render `templates/<name>.j2`; every interpolated value goes through `finalize`."""
    environment = Environment(
        loader=FileSystemLoader(templates_folder()),
        undefined=StrictUndefined,
        finalize=finalize,
        keep_trailing_newline=True,
        autoescape=False,  # noqa: S701 - no HTML; `finalize` is what keeps a value in its place
    )
    return environment.get_template(f"{name}.j2").render(values)


def copy_file(name: str) -> bytes:
    """Return the bytes of `templates/<name>`."""
    return (templates_folder() / name).read_bytes()
