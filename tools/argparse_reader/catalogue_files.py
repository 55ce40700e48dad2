"""Read and write the catalogues in the compiler's data."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

from argparse_reader.catalogue_format import Flag, decode, encode, render_flags, render_variables, unify, variables_at
from argparse_reader.source_tree import SourceError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

CATALOGUES = Path(__file__).parents[2] / "compiler" / "modelgen" / "engines" / "catalogues"


def version_key(version: str) -> tuple[tuple[int, ...], int]:
    """Return the sort key of a release: 0.8.5 < 0.8.5.post1 < 0.10.0.

    Raises:
        SourceError: The version is not a release. Candidates and nightlies do not belong in a catalogue.
    """
    found = re.fullmatch(r"(\d+(?:\.\d+)*)(?:\.post(\d+))?(?:\+\w+)?", version)
    if not found:
        raise SourceError(f"{version} is not a release")
    return tuple(int(part) for part in found[1].split(".")), int(found[2] or 0)


def update_flags(path: Path, engine: str, found: Mapping[str, list[Flag]], *, anew: bool) -> list[str]:
    """Write a catalogue of flags and return its releases.

    Args:
        path: Of the catalogue.
        engine: The name that it has in models.toml.
        found: The flags that were read, by release. They replace those that the catalogue has of these releases.
        anew: Whether to drop all other releases.
    """
    releases: dict[str, Iterable[Flag]] = {} if anew else dict(_present(path))
    releases.update(found)
    versions = sorted(releases, key=version_key)
    flags = encode(unify([(version, releases[version]) for version in versions]))
    path.write_text(render_flags(engine, versions, flags), encoding="utf-8")
    return versions


def update_variables(path: Path, engine: str, found: Mapping[str, set[str]], *, anew: bool) -> None:
    """Write a catalogue of environment variables, as `update_flags` does."""
    data: dict[str, Any] = json.loads(path.read_bytes()) if path.exists() and not anew else {"versions": []}
    names = {
        version: variables_at(data["versions"], data["variables"], version) for version in data["versions"]
    } | dict(found)
    versions = sorted(names, key=version_key)
    text = render_variables(engine, versions, [(version, names[version]) for version in versions])
    path.write_text(text, encoding="utf-8")


def _present(path: Path) -> Iterable[tuple[str, list[Flag]]]:
    if not path.exists():
        return
    data: dict[str, Any] = json.loads(path.read_bytes())
    for version in data["versions"]:
        flags = decode(data["versions"], data["flags"], version)
        yield version, [Flag(name, entry[0], entry[1] if len(entry) > 1 else {}) for name, entry in flags.items()]
