"""Check whether `docker container prune` would remove the models' stopped containers."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

from modelgen.operate.doctor.finding import Finding
from modelgen.operate.doctor.host import read_text

if TYPE_CHECKING:
    from modelgen.operate.doctor.host import Host
    from modelgen.operate.doctor.wanted import Wanted

_FILTER = "label!=modelgen.keep"


def check_prune_filter(host: Host, wanted: Wanted) -> list[Finding]:
    """Check that the Docker client's settings keep stopped models; the orchestrator cannot recreate them."""
    if host.which("docker") is None or not wanted.has_orchestrator:
        return []
    path = _settings(host)
    if path is None:
        return []
    if _FILTER in _filters(path):
        return [Finding("prune", "good", "`docker container prune` keeps the models' containers")]
    text = "`docker container prune` and `docker system prune` remove the containers of models that are not running"
    return [Finding("prune", "warning", text, f'`"pruneFilters": ["{_FILTER}"]` in {path}')]


def _settings(host: Host) -> Path | None:
    folder = host.environment.get("DOCKER_CONFIG")
    if folder:
        return Path(folder) / "config.json"
    home = host.environment.get("HOME") or host.environment.get("USERPROFILE")
    return Path(home) / ".docker" / "config.json" if home else None


def _filters(path: Path) -> list[object]:
    try:
        settings = json.loads(read_text(path) or "{}")
    except (ValueError, RecursionError):
        return []
    filters = settings.get("pruneFilters") if isinstance(settings, dict) else None
    return filters if isinstance(filters, list) else []
