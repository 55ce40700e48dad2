"""Print notes on what the user's docker-compose.override.yml changes in a build."""

from __future__ import annotations

from typing import TYPE_CHECKING

from modelgen.cli.reading import warn
from modelgen.files import ModelgenError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

_NAME = "docker-compose.override.yml"
_BUILT = "docker-compose.yml"
_COUNTS = "the value in models.toml has no effect"


def warn_of_override(out: Path, artifacts: Mapping[str, bytes]) -> None:
    """Say on stderr what the override in an output directory changes of the models.

    Args:
        out: The output directory.
        artifacts: What belongs there.
    """
    for line in override_warnings(out, artifacts):
        warn(line)


def override_warnings(out: Path, artifacts: Mapping[str, bytes]) -> list[str]:
    """Return a sentence for each value of a model that the override replaces or takes away."""
    if not (out / _NAME).is_file():  # most have none, and need no YAML read
        return []
    from modelgen.operate.overrides import read_changes

    try:
        changes = read_changes(out, artifacts[_BUILT])
    except ModelgenError as error:
        return [str(error)]
    return [f"{change.place} {change.sentence}: {_COUNTS}" for change in changes if change.is_vital]


def notes_about(model: str, out: Path) -> list[str]:
    """Return a sentence for each value of a model's own service, or of modelgen's, that the override changes."""
    if not (out / _NAME).is_file():
        return []
    from modelgen.operate.overrides import read_changes

    try:
        changes = read_changes(out)
    except ModelgenError as error:
        return [str(error)]
    return [f"{change.place} {change.sentence}" for change in changes if change.model in (model, None)]
