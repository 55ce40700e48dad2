"""Format a model's failure as lines of text, for `why` and `up`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from modelgen.cli.override_notes import notes_about
from modelgen.cli.places import find_places

if TYPE_CHECKING:
    from pathlib import Path


def describe_failure(model: dict[str, Any], config: Path, out: Path | None = None) -> list[str]:
    """Return the lines about a model that has failed, with the places in models.toml to change.

    Args:
        model: As GET /models shows it; its `failure` is not None.
        config: The models.toml.
        out: The output directory of a deployment in Docker, whose override may replace values; None for `serve`.
    """
    failure = model["failure"]
    lines = [f"{model['id']} is {model['state']}: it {failure['message']}"]
    if failure["meaning"]:
        is_exit = failure["said"].startswith("exit code ")  # already in the first line
        lines += [] if is_exit else [f"  output: {failure['said'].strip()}"]
        lines += _remedies(failure, config)
    else:
        lines.append(f"  not a known failure; `modelgen logs {model['id']}` has the whole output")
    if out is not None:
        lines += [f"  but: {note}" for note in notes_about(model["id"], out)]
    if failure["in_a_row"] > 1:
        lines.append(f"  it has failed {failure['in_a_row']} times in a row")
    if failure["retry_after"]:
        lines.append(f"  it can be tried again in {failure['retry_after']:.0f} s")
    return [*lines, *(f"  | {line}" for line in failure["log"])]


def describe_errors(model: dict[str, Any], config: Path) -> list[str]:
    """Return the lines about the errors that the engine of a ready model has returned."""
    lines = []
    for error in model.get("errors", []):  # older orchestrators do not report errors
        times = "once" if error["count"] == 1 else f"{error['count']} times"
        lines.append(f"  it answered {error['status']} {times}, {error['ago']:.0f} s ago: {error['message']}")
        lines += _remedies(error, config) if error["meaning"] else []
    return lines


def _remedies(meaning: dict[str, Any], config: Path) -> list[str]:
    lines = [f"  meaning: {meaning['meaning']}", f"  what to do: {meaning['remedy']}"]
    # Older orchestrators do not report places.
    return [*lines, *(f"  where: {place}" for place in find_places(config, meaning.get("places", [])))]
