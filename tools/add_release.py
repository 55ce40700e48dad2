"""Add releases of an engine to its catalogues, and to the pages that count them: see README.md.

python tools/add_release.py vllm 0.34.0
python tools/add_release.py sglang 0.5.24 --source sglang-0.5.24-cp311.whl
"""

from __future__ import annotations

import argparse
import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from argparse_reader import sglang, vllm
from argparse_reader.catalogue_files import CATALOGUES, update_flags, update_variables, version_key
from argparse_reader.model_registry import sglang_models, update_models, vllm_models
from argparse_reader.source_tree import NotUnderstoodError, SourceError, SourceTree, open_tree
from argparse_reader.vllm_tables import update_tables, vllm_tables

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from argparse_reader.catalogue_format import Flag

PAGES = Path(__file__).parent.parent


class Engine(NamedTuple):
    """An engine that has a catalogue.

    Args:
        title: The engine's name in prose.
        read: Returns the flags and the environment variables of a release.
        models: Returns the architectures that a release serves, each with whether it is multimodal.
        has_variables: Whether there is a catalogue of environment variables too.
        has_sdist: Whether releases are published as sources; else as wheels, which hold the same files.
        tables: Returns the keys and methods of the config for speculative decoding; None without such data.
    """

    title: str
    read: Callable[[SourceTree], tuple[list[Flag], set[str]]]
    models: Callable[[SourceTree], dict[str, bool]]
    has_variables: bool
    has_sdist: bool
    tables: Callable[[SourceTree], dict[str, set[str]]] | None = None


ENGINES = {
    "vllm": Engine("vLLM", vllm.read, vllm_models, has_variables=True, has_sdist=True, tables=vllm_tables),
    "sglang": Engine("SGLang", sglang.read, sglang_models, has_variables=False, has_sdist=False),
}


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command; exit with 1 if a release cannot be read, and write nothing then."""
    options = _parser().parse_args(arguments)
    name, engine = options.engine, ENGINES[options.engine]
    if options.source and len(options.source) != len(options.versions):
        raise SystemExit("--source: give one path for each version, in the same order")
    found, models = {}, {}
    tables: dict[str, dict[str, set[str]]] = {}
    failures = 0
    with tempfile.TemporaryDirectory() as folder:
        for number, version in enumerate(options.versions):
            source = options.source[number] if options.source else None
            try:
                tree = _open(name, version, source or _download(name, version, Path(folder)))
                found[version], models[version] = engine.read(tree), engine.models(tree)
                tables |= {version: engine.tables(tree)} if engine.tables else {}
            except (SourceError, NotUnderstoodError) as error:
                sys.stderr.write(f"{source or version}: {error}\n")
                failures += 1
    if failures:
        raise SystemExit(1)
    flags = {version: read[0] for version, read in found.items()}
    versions = update_flags(CATALOGUES / f"{name}_flags.json", name, flags, anew=options.anew)
    update_models(CATALOGUES / f"{name}_models.json", name, models, anew=options.anew)
    if tables:
        update_tables(CATALOGUES / f"{name}_tables.json", tables, anew=options.anew)
    if engine.has_variables:
        variables = {version: read[1] for version, read in found.items()}
        update_variables(CATALOGUES / f"{name}_variables.json", name, variables, anew=options.anew)
    update_pages(PAGES, engine.title, versions)
    sys.stdout.write(f"{engine.title}: {len(versions)} releases, {versions[0]} to {versions[-1]}; read `git diff`\n")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description="Add releases of an engine to its catalogue.")
    parser.add_argument("engine", choices=sorted(ENGINES))
    parser.add_argument("versions", nargs="+", metavar="version", help="such as 0.34.0")
    parser.add_argument(
        "--source", nargs="+", type=Path, help="unpacked sources, a .tar.gz or a wheel, one for each version; else pip"
    )
    parser.add_argument("--anew", action="store_true", help="drop the releases that are not named")
    return parser


def _open(package: str, version: str, source: Path) -> SourceTree:
    version_key(version)
    tree = open_tree(source, package)
    if tree.version.partition("+")[0] != version:
        raise SourceError(f"the sources are those of {tree.version}, not of {version}")
    return tree


def _download(package: str, version: str, folder: Path) -> Path:
    """Download a release by pip.

    pip unpacks the sources of vLLM and then fails to prepare their metadata without torch. That failure is expected:
    the unpacked sources are all that is needed, and `--no-clean` keeps them.

    Raises:
        SourceError: pip found no such release, or no sources of it.
    """
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--dest", str(folder)]
    if ENGINES[package].has_sdist:
        command += ["--no-binary", package, "--no-clean", "--no-build-isolation"]
    unpacked = folder / version
    unpacked.mkdir()
    done = subprocess.run(
        [*command, f"{package}=={version}"],
        env={**os.environ, "TMPDIR": str(unpacked)},
        capture_output=True,
        text=True,
        check=False,
    )
    places = [path.parent for path in unpacked.glob(f"pip-download-*/{package}_*/PKG-INFO")]
    places += sorted(folder.glob(f"{package}-{version}[-.]*"))
    if not places:
        raise SourceError(f"pip brought no sources; give --source. pip said:\n{done.stderr.strip()[-2000:]}")
    return places[0]


def update_pages(root: Path, title: str, versions: Sequence[str]) -> None:
    """Correct the count and the range of releases in README.md and docs/: `45 releases of vLLM (0.8.5 to 0.33.0)`."""
    counted = re.compile(rf"\d+((?: releases)? of {title}) \(\d[\w.]* to \d[\w.]*\)")
    for page in (root / "README.md", *sorted(root.glob("docs/**/*.md"))):
        text = page.read_text(encoding="utf-8")
        changed = counted.sub(rf"{len(versions)}\1 ({versions[0]} to {versions[-1]})", text)
        if changed != text:
            page.write_text(changed, encoding="utf-8")


if __name__ == "__main__":
    main()
