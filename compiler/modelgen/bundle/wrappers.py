"""Render the scripts that run modelgen in its image on the other host."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING

from modelgen.host_paths import leads_out
from modelgen.targets.templates import render_template

if TYPE_CHECKING:
    from collections.abc import Mapping

BASH, POWERSHELL = "modelgen", "modelgen.ps1"


def wrappers(image: str, hub: str) -> Mapping[str, bytes]:
    """Return the scripts by name.

    Args:
        image: The tool image.
        hub: The hub directory as in models.toml.
    """
    values = {"image": image, "hub": hub if leads_out(hub) else ""}
    return {
        BASH: render_template(f"bundle/{BASH}", shlex.quote, **values).encode(),
        POWERSHELL: render_template(f"bundle/{POWERSHELL}", _quote, **values).encode(),
    }


def _quote(text: str) -> str:
    """Return a string of PowerShell without interpolation."""
    return "'" + text.replace("'", "''") + "'"
