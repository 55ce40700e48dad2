"""Write the catalogues of llama.cpp and TEI from clones of their repositories: see README.md.

python tools/read_clone.py llamacpp ~/llama.cpp
python tools/read_clone.py tei ~/text-embeddings-inference
"""

from __future__ import annotations

import argparse
import re
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from argparse_reader.catalogue_files import CATALOGUES
from argparse_reader.catalogue_format import encode, render_flags, unify
from argparse_reader.model_registry import update_models
from clone_reader import llamacpp, tei

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from argparse_reader.catalogue_format import Flag

_ARG_CPP = "common/arg.cpp"
_CANDLE = "backends/candle/src/lib.rs"
_ENUMS = ("backends/src/dtype.rs", "backends/core/src/lib.rs")
# Older builds and releases are rare in public files, and llama.cpp moved its flags to one file shortly before.
_FIRST_BUILD = 4000
_FIRST_RELEASE = (1, 2)


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command."""
    parser = argparse.ArgumentParser(description="Write the catalogue of an engine from a clone.")
    parser.add_argument("engine", choices=("llamacpp", "tei"))
    parser.add_argument("clone", type=Path)
    options = parser.parse_args(arguments)
    read = builds if options.engine == "llamacpp" else _releases
    releases = unify(list(read(options.clone)))
    text = render_flags(options.engine, [version for version, _ in releases], encode(releases))
    (CATALOGUES / f"{options.engine}_flags.json").write_text(text, encoding="utf-8")
    if options.engine == "tei":
        types = {
            tag[1:]: tei.read_types(_git(options.clone, "show", f"{tag}:{_CANDLE}")) for tag in _tags(options.clone)
        }
        served = {version: dict.fromkeys(found, False) for version, found in types.items()}
        update_models(CATALOGUES / "tei_models.json", "tei", served, anew=True)
    sys.stdout.write(f"{releases[0][0]} to {releases[-1][0]}; read `git diff`\n")


def builds(clone: Path, first: int = _FIRST_BUILD) -> Iterator[tuple[str, list[Flag]]]:
    """Yield each build that changed a flag, and the newest one. The number of a build is that of its commits."""
    head = _git(clone, "rev-list", "--count", "HEAD").strip()
    present: tuple[str, list[Flag]] | None = None
    for commit in _git(clone, "log", "--reverse", "--first-parent", "--format=%H", "HEAD", "--", _ARG_CPP).split():
        number = int(_git(clone, "rev-list", "--count", commit))
        found = f"b{max(number, first)}", llamacpp.read(_git(clone, "show", f"{commit}:{_ARG_CPP}"))
        if present is not None and found[0] != present[0] and found[1] != present[1]:
            yield present
            present = found
        elif present is None or found[0] == present[0]:
            present = found
    if present is not None:
        yield present
        if present[0] != f"b{head}":
            yield f"b{head}", present[1]


def _releases(clone: Path) -> Iterator[tuple[str, list[Flag]]]:
    for tag in _tags(clone):
        enums = "\n".join(_git(clone, "show", f"{tag}:{path}") for path in _ENUMS)
        yield tag[1:], tei.read(_git(clone, "show", f"{tag}:router/src/main.rs"), enums)


def _tags(clone: Path) -> list[str]:
    tags = _git(clone, "tag", "--list", "v*", "--sort=version:refname").split()
    found = {tag: re.fullmatch(r"v(\d+)\.(\d+)\.(\d+)", tag) for tag in tags}
    return [tag for tag, version in found.items() if version and (int(version[1]), int(version[2])) >= _FIRST_RELEASE]


def _git(clone: Path, *arguments: str) -> str:
    command = ["git", "-C", str(clone), *arguments]
    done = subprocess.run(command, capture_output=True, check=True)
    return done.stdout.decode(errors="replace")


if __name__ == "__main__":
    main()
