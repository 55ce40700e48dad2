"""Render the manifest for `modelgen serve`, whose engines are processes of the host."""

from __future__ import annotations

from typing import TYPE_CHECKING

from modelgen.targets.manifests import NAME, write_process_manifest

if TYPE_CHECKING:
    from modelgen.ir import Fleet
    from modelgen.targets import Artifacts


def render(fleet: Fleet, root: str) -> Artifacts:
    """Return the manifest; `root` is the absolute path of the folder of models.toml."""
    return {NAME: write_process_manifest(fleet, root)}
