"""Render a Fleet as artifacts: one module per output format."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from modelgen.ir import Fleet

    Artifacts = Mapping[str, bytes]
    """Relative POSIX path → contents."""

    Render = Callable[[Fleet, str], Artifacts]
    """A fleet and the POSIX path from the output directory to the folder of models.toml → files."""

TARGETS = {"compose": "modelgen.targets.compose"}
"""The targets that `modelgen build` can write, each with its module."""
DEFAULT_TARGETS = ("compose",)
ON_HOST = "process"
"""The target of `modelgen serve`, whose engines are processes of the host. A fleet is for it or for containers."""
_HIDDEN = {ON_HOST: "modelgen.targets.process"}
_READBACKS = {"compose": "modelgen.targets.compose_readback"}
"""The targets whose output is parsed and compared with the fleet, each with the module that does it."""


def target(name: str) -> Render:
    """Return the function that renders the target `name`, one of `TARGETS` or `ON_HOST`."""
    # A late import: a command that renders nothing does not import jinja2.
    from importlib import import_module

    render: Render = import_module({**TARGETS, **_HIDDEN}[name]).render
    return render


def check_readback(name: str, fleet: Fleet, root: str, artifacts: Artifacts) -> None:
    """Parse what the target `name` rendered, and compare it with the fleet that it was rendered from.

    Raises:
        RenderingError: They differ: a bug of modelgen.
    """
    from importlib import import_module

    if name in _READBACKS:
        import_module(_READBACKS[name]).check_readback(fleet, root, artifacts)
