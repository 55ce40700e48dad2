"""Render the templates folder, which mirrors the output: `x.j2` renders to `x`, other files are copied."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from modelgen.targets.places import TEMPLATES

if TYPE_CHECKING:
    from collections.abc import Callable


def render_template(name: str, finalize: Callable[[Any], str], **values: object) -> str:
    """Render `templates/<name>.j2`; every interpolated value goes through `finalize`."""
    environment = Environment(
        loader=FileSystemLoader(TEMPLATES),
        undefined=StrictUndefined,
        finalize=finalize,
        keep_trailing_newline=True,
        autoescape=False,  # noqa: S701 - no HTML; `finalize` is what keeps a value in its place
    )
    return environment.get_template(f"{name}.j2").render(values)


def copy_file(name: str) -> bytes:
    """Return the bytes of `templates/<name>`."""
    return (TEMPLATES / name).read_bytes()
