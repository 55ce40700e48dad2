"""Render the manifest for `modelgen serve`, whose engines are processes of the host."""

from __future__ import annotations

from typing import TYPE_CHECKING

from modelgen.targets.manifests import NAME, write_process_manifest

if TYPE_CHECKING:
    from modelgen.ir import Fleet
    from modelgen.targets import Artifacts


def render(fleet: Fleet) -> Artifacts:
    """Return the manifest."""
    return {NAME: write_process_manifest(fleet)}
