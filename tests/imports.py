"""Import texts as `modelgen import` does."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from modelgen.foreign import read_files
from modelgen.importing import Imported, import_services
from modelgen.pipeline import check_source, compile_source

LINT = Path(__file__).parent / "lint"
COMPOSE = "docker-compose.yml"


def imported(text: str, name: str = COMPOSE, *, card: str | None = None, folder: str = ".") -> Imported:
    """Return the import of a text."""
    return import_services(read_files([(name, text.encode())]), project="here", card=card, folder=folder)


def errors(found: Imported) -> list[str]:
    """Return the errors of an imported file."""
    return [
        f"{one.code} {one.message}" for one in check_source(found.text.encode()).diagnostics if one.severity == "error"
    ]


def services(found: Imported) -> dict[str, Any]:
    """Return the models' services of the build of an imported file."""
    artifacts = compile_source(found.text.encode()).artifacts
    assert artifacts is not None, errors(found)
    return models_in(artifacts[COMPOSE].decode())


def models_in(compose: str) -> dict[str, Any]:
    """Return the services of a Compose file without modelgen's own."""
    found = yaml.load(compose, Loader=yaml.CSafeLoader)["services"]
    return {name: one for name, one in found.items() if name not in ("orchestrator", "socket-proxy")}
