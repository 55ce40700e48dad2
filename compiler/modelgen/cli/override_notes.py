"""Print notes on what the user's docker-compose.override.yml changes in a build."""

from __future__ import annotations

from typing import TYPE_CHECKING

from modelgen.cli.reading import warn
from modelgen.files import ModelgenError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

_NAME = "docker-compose.override.yml"
_BUILT = "docker-compose.yml"
_COUNTS = "the value in models.toml has no effect"


def warn_of_override(out: Path, artifacts: Mapping[str, bytes]) -> None:
    """Print on stderr what the override in an output directory changes in the models.

    Args:
        out: The output directory.
        artifacts: The files that belong there.
    """
    for line in override_warnings(out, artifacts):
        warn(line)


def override_warnings(out: Path, artifacts: Mapping[str, bytes]) -> list[str]:
    """Return a sentence for each value of a model that the override replaces or removes."""
    if not (out / _NAME).is_file():  # most projects have no override, and need no YAML parser
        return []
    from modelgen.operate.overrides import read_changes

    try:
        changes = read_changes(out, artifacts[_BUILT])
    except ModelgenError as error:
        return [str(error)]
    return [f"{change.place} {change.sentence}: {_COUNTS}" for change in changes if change.is_vital]


def notes_about(model: str, out: Path, places: Iterable[str] = ()) -> list[str]:
    """Return a sentence for each value of a model's service that the override changes and that may make it fail.

    Args:
        model: The id of the model.
        out: The output directory.
        places: The paths in models.toml that the failure names, such as `models.a.compose.mem_limit`.
    """
    if not (out / _NAME).is_file():
        return []
    from modelgen.operate.overrides import read_changes

    try:
        changes = read_changes(out)
    except ModelgenError as error:
        return [str(error)]
    named = {place.rpartition(".")[2] for place in places}
    return [
        f"{change.place} {change.sentence}"
        for change in changes
        if change.model == model and (change.is_vital or not named.isdisjoint(change.keys))
    ]
