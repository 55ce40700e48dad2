"""Render a Fleet as artifacts: one module per output format."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from modelgen.ir import Fleet

    Artifacts = Mapping[str, bytes]
    """Relative POSIX path → contents."""

    Render = Callable[[Fleet], Artifacts]

TARGETS = ("compose", "orchestrator")
ON_HOST = "process"
"""The target whose engines are processes of the host; a fleet is for it or for containers."""


def target(name: str) -> Render:
    """Return what renders the target `name`, one of `TARGETS`."""
    # Imported by name: a command that renders nothing does not pay for jinja2.
    from importlib import import_module

    render: Render = import_module(f"modelgen.targets.{name}").render
    return render
