"""Check a bundle, or some of its volumes, by the hash of every file.

    python3 -I importer/verify.py [--signers FILE] [--quick] [FOLDER ...]

It writes nothing. It exits with 0 if all is right, with 1 if something is not.
"""

import sys

if __name__ == "__main__" and not (sys.flags.isolated or getattr(sys.flags, "safe_path", False)):
    del sys.path[0]  # this folder: a file that was put into it must not be in the place of a module of Python

import os
import types
from pathlib import Path

if __name__ == "__main__":  # run as a file: the others are beside it, and no code but theirs is trusted
    if sys.version_info < (3, 9):  # noqa: UP036 - the host's Python may be older
        sys.exit("this needs Python 3.9 or newer; try python3.9, python3.11 and so on")
    for entry in os.scandir(Path(__file__).absolute().parent):
        if entry.name != "__pycache__" and (entry.is_dir() or entry.name.endswith((".so", ".pyd"))):
            sys.exit(f"{entry.path!a} does not belong to the importer; remove it")  # Python would prefer it to a .py
    sys.dont_write_bytecode, sys.pycache_prefix = True, os.devnull
    sys.modules["modelgen_importer"] = package = types.ModuleType("modelgen_importer")
    package.__path__ = [str(Path(__file__).absolute().parent)]

import argparse
import hashlib
from typing import TYPE_CHECKING

from modelgen_importer.manifest import RefusedError
from modelgen_importer.medium import Medium, blocks, open_regular
from modelgen_importer.saying import Progress, about, each, run, say, size_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence


def verify(options: argparse.Namespace) -> int:
    """Check folders, and print what is wrong with each file.

    Raises:
        RefusedError: A folder is no bundle, or its lists contradict each other.
    """
    medium = Medium(options.folders or [Path(__file__).absolute().parent.parent])
    signer = medium.check_signature(options.signers) if options.signers else ""
    files = [file for folder in medium.folders for file in _files(medium, folder)]
    total = sum(size for _, size, _ in files)
    progress = Progress(0 if options.quick else total)

    def check(file: tuple[Path, int, str]) -> str:
        """Return what is wrong with a file, or an empty text."""
        path, size, sha256 = file
        digest = hashlib.sha256()
        try:
            with open_regular(path):
                pass
            for block in blocks(path, size) if not options.quick else ():
                digest.update(block)
                progress.add(len(block))
        except RefusedError as error:
            return str(error)
        is_right = options.quick or digest.hexdigest() == sha256
        return "" if is_right else f"{path} is damaged: it has another hash; copy it again"

    faults = [fault for fault in each(check, files, progress) if fault]
    for fault in faults:
        say(fault, is_fault=True)
    if not faults:
        what = "have the right sizes" if options.quick else "are as SHA256SUMS says"
        say(f"{len(files)} files, {size_of(total)}, {what}" + (f"; signed by {signer}" if signer else ""))
        if medium.missing:
            say(f"Volumes {', '.join(map(str, medium.missing))} of {medium.bundle.volumes} are not here.")
        for line in about(medium.bundle):
            say(line)
        say("next: python3 -I importer/load.py --into FOLDER")
    return 1 if faults else 0


def _files(medium: Medium, folder: Path) -> "Iterator[tuple[Path, int, str]]":
    """Yield each file that a folder should have: path, bytes, hash."""
    sums = medium.sums[folder]
    pieces = {
        f"blobs/{name}": piece for one in medium.bundle.blobs for name, piece in medium.bundle.pieces(one).items()
    }
    volumes = {pieces[name].volume for name in sums if name in pieces} or {0}
    wanted = {name: piece for name, piece in pieces.items() if piece.volume in volumes}
    for name, sha256 in sums.items():
        path = folder / name
        if name.startswith("blobs/") and (name not in wanted or wanted[name].sha256 != sha256):
            raise RefusedError(f"{folder / 'SHA256SUMS'} lists {name}, and bundle.json does not; copy the bundle again")
        there = path.lstat().st_size if os.path.lexists(path) else 0
        yield path, wanted[name].size if name in wanted else there, sha256
    for name in wanted:
        if name not in sums:
            raise RefusedError(f"{folder / 'SHA256SUMS'} does not list {name}; copy the bundle again")
    for path in sorted((folder / "importer").rglob("*")):
        if path.is_file() and path.relative_to(folder).as_posix() not in sums:
            raise RefusedError(f"{path} is not in SHA256SUMS; remove it, and run none of these programs before")


def main(arguments: "Sequence[str] | None" = None) -> int:
    """Run the command, and return its exit code."""
    parser = argparse.ArgumentParser(prog="verify.py", description="Check a bundle by hashes.", allow_abbrev=False)
    add = parser.add_argument
    add("folders", metavar="FOLDER", nargs="*", type=Path, help="the bundle, or volumes  [default: this one]")
    add("--signers", metavar="FILE", type=Path, help="refuse a bundle that none of these people signed")
    add("--quick", action="store_true", help="compare sizes only")
    options = parser.parse_args(arguments)
    return run(lambda: verify(options))


if __name__ == "__main__":
    sys.exit(main())
