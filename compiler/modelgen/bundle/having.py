"""Read what the other host has already: from an older bundle.json."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from modelgen.bundle.manifest import FORMAT, Blob, Part
from modelgen.files import InputError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path


@dataclass(frozen=True)
class Older:
    """What an older bundle.json says.

    Args:
        project: The name of its project.
        blobs: The contents that the bundle has.
        contents: The hashes of all contents that it names, carried or expected.
        names: SHA-256 by the name of a content in the hub directory, such as git's id.
    """

    project: str
    blobs: Mapping[str, Blob] = field(default_factory=dict)
    contents: frozenset[str] = frozenset()
    names: Mapping[str, str] = field(default_factory=dict)


def parse_older(data: bytes, path: Path) -> Older:
    """Parse a bundle.json.

    Raises:
        InputError: It is none.
    """
    try:
        table = json.loads(data)
        if table["format"] > FORMAT:
            raise InputError(f"{path} was written by a newer modelgen, {table['modelgen']}; use that version here")
        blobs = {str(sha256): _blob(blob) for sha256, blob in table["blobs"].items()}
        contents = frozenset({*blobs, *map(str, table["expected"])})
        names = {str(file["name"]): str(file["sha256"]) for file in _files(table)}
        return Older(str(table["project"]), blobs, contents, names)
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError) as error:
        raise InputError(f"{path} is no bundle.json of `modelgen bundle create`, or it is damaged") from error


def _blob(table: Any) -> Blob:  # noqa: ANN401 - JSON
    parts = (Part(str(one["sha256"]), int(one["size"]), one.get("volume")) for one in table.get("parts", ()))
    return Blob(int(table["size"]), table.get("volume"), tuple(parts))


def _files(table: Any) -> Iterator[Any]:  # noqa: ANN401 - JSON
    for snapshot in table["hub"]["snapshots"]:
        yield from snapshot["files"]
