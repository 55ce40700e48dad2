"""Format a model's failure as lines of text, for `why` and `up`."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from modelgen.cli.compiling import read_config
from modelgen.cli.override_notes import notes_about
from modelgen.files import ModelgenError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from modelgen.load.locator import Locator
    from modelgen.load.locator import Path as Keys


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
        lines += [f"  but: {note}" for note in notes_about(model["id"], out, failure.get("places", []))]
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


_LONGEST = 1000


@dataclass(frozen=True)
class Place:
    """The place where a key is written, or where to write it.

    Args:
        path: The dotted path, such as `models.qwen.args.max-model-len`.
        file: The models.toml.
        line: The line of the value, or of the nearest table around it; None if the file has neither.
        column: The column, likewise.
        is_written: Whether the key itself is written.
    """

    path: str
    file: str
    line: int | None
    column: int | None
    is_written: bool

    def __str__(self) -> str:
        at = self.file if self.line is None else f"{self.file}:{self.line}:{self.column}"
        return f"{at} ({self.path}{'' if self.is_written else ', not set yet'})"


def find_places(config: Path, paths: Sequence[str]) -> list[Place]:
    """Return the places of paths in models.toml, which may have changed since the orchestrator read it."""
    if not paths:
        return []
    locator = _locate(config)
    return [_find(locator, config.as_posix(), path) for path in paths]


def _locate(config: Path) -> Locator | None:
    from modelgen.load.locator import Locator
    from modelgen.load.text import decode, is_too_dotted
    from modelgen.source import Source

    try:
        source = Source(config.as_posix(), decode(read_config(config)))
        return None if is_too_dotted(source.text) else Locator(source)
    except (ModelgenError, ValueError, RecursionError):
        return None  # removed or half-edited since: return only the path


def _find(locator: Locator | None, file: str, path: str) -> Place:
    keys = _read_path(path)
    tables = [keys[:length] for length in range(len(keys), 0, -1)]
    if locator is None or (nearest := next((table for table in tables if locator.holds(table)), None)) is None:
        return Place(path, file, None, None, is_written=False)
    span = locator.value(nearest)
    return Place(path, file, span.line, span.column, is_written=nearest == keys)


def _read_path(path: str) -> Keys:
    """Return the keys of a dotted path, which came over the network and is not trusted."""
    try:
        tree: Any = tomllib.loads(f"{path} = 0") if len(path) <= _LONGEST else {}
    except (ValueError, RecursionError):
        return ()
    keys: list[str | int] = []
    while isinstance(tree, dict) and len(tree) == 1:
        [(key, tree)] = tree.items()
        keys.append(key)
    return tuple(keys)
