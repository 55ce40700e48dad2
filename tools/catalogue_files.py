"""Reads and writes the catalogues in the compiler's data, and the command line that the extractors share."""

from __future__ import annotations

import argparse
import json
import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from catalogue_format import Flag, decode, encode, render_flags, render_variables, unify, variables_at
from source_tree import NotUnderstoodError, SourceError, SourceTree, open_tree

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

CATALOGUES = Path(__file__).parent.parent / "compiler" / "modelgen" / "engines" / "catalogues"
_Extracted = TypeVar("_Extracted")


def version_key(version: str) -> tuple[tuple[int, ...], int]:
    """Return what releases are ordered by: 0.8.5 < 0.8.5.post1 < 0.10.0.

    Raises:
        SourceError: It is not a release; candidates and nightlies have no place in a catalogue.
    """
    found = re.fullmatch(r"(\d+(?:\.\d+)*)(?:\.post(\d+))?(?:\+\w+)?", version)
    if not found:
        raise SourceError(f"{version} is not a release")
    return tuple(int(part) for part in found[1].split(".")), int(found[2] or 0)


def extract(
    arguments: Sequence[str], package: str, what: str, read: Callable[[SourceTree], _Extracted]
) -> tuple[dict[str, _Extracted], bool]:
    """Parse an extractor's command line, and return what it read by version, and whether to begin from nothing.

    Exits with 1 and a sentence where something is not understood.
    """
    parser = argparse.ArgumentParser(description=f"Extract {what} from the sources of {package}'s releases.")
    parser.add_argument("sources", nargs="+", type=Path, help="unpacked source trees, .tar.gz sdists or wheels")
    parser.add_argument("--anew", action="store_true", help="drop the releases in the catalogue that are not given")
    options = parser.parse_args(arguments)
    found: dict[str, _Extracted] = {}
    failures = 0
    for location in options.sources:
        try:
            tree = open_tree(location, package)
            version_key(tree.version)
            found[tree.version.partition("+")[0]] = read(tree)
        except (SourceError, NotUnderstoodError) as error:
            sys.stderr.write(f"{location}: {error}\n")
            failures += 1
    if failures:
        raise SystemExit(1)
    return found, options.anew


def update_flags(path: Path, engine: str, found: dict[str, list[Flag]], *, anew: bool) -> None:
    """Write a catalogue of flags: its present releases, and those that were read, which take precedence."""
    releases: dict[str, Iterable[Flag]] = {} if anew else dict(_present(path))
    releases.update(found)
    versions = sorted(releases, key=version_key)
    flags = encode(unify([(version, releases[version]) for version in versions]))
    path.write_text(render_flags(engine, versions, flags), encoding="utf-8")
    sys.stdout.write(f"{path.name}: {len(versions)} releases, {len(flags)} flags\n")


def update_variables(path: Path, engine: str, found: dict[str, set[str]], *, anew: bool) -> None:
    """Write a catalogue of environment variables, in the way of `update_flags`."""
    data: dict[str, Any] = json.loads(path.read_bytes()) if path.exists() and not anew else {"versions": []}
    names = {
        version: variables_at(data["versions"], data["variables"], version) for version in data["versions"]
    } | found
    versions = sorted(names, key=version_key)
    text = render_variables(engine, versions, [(version, names[version]) for version in versions])
    path.write_text(text, encoding="utf-8")
    sys.stdout.write(f"{path.name}: {len(versions)} releases, {len(set().union(*names.values()))} variables\n")


def _present(path: Path) -> Iterable[tuple[str, list[Flag]]]:
    if not path.exists():
        return
    data: dict[str, Any] = json.loads(path.read_bytes())
    for version in data["versions"]:
        flags = decode(data["versions"], data["flags"], version)
        yield version, [Flag(name, entry[0], entry[1] if len(entry) > 1 else {}) for name, entry in flags.items()]
