"""Container images made of this machine's own files, in seconds: no registry is asked."""

from __future__ import annotations

import importlib.metadata
import io
import re
import shutil
import subprocess
import sys
import sysconfig
import tarfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

PYTHON = Path(sys.executable).resolve()
# No server needs them, and they are most of a standard library.
_LEFT_OUT = {"site-packages", "dist-packages", "test", "idlelib", "tkinter", "turtledemo", "ensurepip", "lib2to3"}


@dataclass(frozen=True)
class Entries:
    """What is in an image, by absolute path: files of this machine, texts, links, and folders with owner and mode."""

    files: dict[str, Path]
    texts: dict[str, bytes] = field(default_factory=dict)
    links: dict[str, str] = field(default_factory=dict)
    folders: dict[str, tuple[int, int]] = field(default_factory=dict)


def import_image(name: str, entries: Entries, changes: Sequence[str] = ()) -> None:
    """Make an image of these, and of all shared libraries that they need.

    Args:
        name: Of the image.
        entries: See there.
        changes: Lines of a Dockerfile, as `docker import --change` takes them.
    """
    archive = io.BytesIO()
    with tarfile.open(fileobj=archive, mode="w", dereference=True) as tar:
        for target, source in {**entries.files, **_shared_libraries(entries.files)}.items():
            entry = tar.gettarinfo(source, target.lstrip("/"))
            # All capabilities are dropped, so the container's root reads only what is its own or everybody's.
            entry.uid, entry.gid, entry.mode = 0, 0, entry.mode | 0o444
            with source.open("rb") as data:
                tar.addfile(entry, data)
        for path, target in entries.links.items():
            link = tarfile.TarInfo(path.lstrip("/"))
            link.type, link.linkname = tarfile.SYMTYPE, target
            tar.addfile(link)
        for path, (owner, mode) in entries.folders.items():
            folder = tarfile.TarInfo(path.lstrip("/"))
            folder.type, folder.uid, folder.gid, folder.mode = tarfile.DIRTYPE, owner, 0, mode
            tar.addfile(folder)
        for path, text in entries.texts.items():
            file = tarfile.TarInfo(path.lstrip("/"))
            file.size, file.mode = len(text), 0o755
            tar.addfile(file, io.BytesIO(text))
    subprocess.run(
        ["docker", "import", *(part for change in changes for part in ("--change", change)), "-", name],
        input=archive.getvalue(),
        stdout=subprocess.DEVNULL,
        check=True,
        timeout=300,
    )


def packages_at(folder: str, packages: Sequence[str]) -> Iterator[tuple[str, Path]]:
    """Yield (path in the image, file here) of packages that are installed here."""
    for name in packages:
        for file in importlib.metadata.files(name) or ():
            if ".." not in file.parts:
                yield f"{folder}/{file}", Path(str(file.locate()))


def standard_library() -> Iterator[tuple[str, Path]]:
    """Yield (path in the image, file here) of the interpreter and its library, where Python looks for them."""
    library = Path(sysconfig.get_path("stdlib"))
    for path in library.rglob("*"):
        inside = path.relative_to(library).parts
        if path.is_file() and not inside[0].startswith("config-") and _LEFT_OUT.isdisjoint(inside):
            yield str(path), path
    yield str(PYTHON), PYTHON
    yield "/etc/ld.so.cache", Path("/etc/ld.so.cache")


def program(name: str) -> Path:
    """Return where a program of the system is."""
    found = shutil.which(name, path="/usr/sbin:/sbin:/usr/bin:/bin")
    assert found, f"these tests need the command `{name}`"
    return Path(found).resolve()


def _shared_libraries(files: dict[str, Path]) -> dict[str, Path]:
    """Return all libraries, and their loader, that the programs and extension modules among the files ask for."""
    binaries = [path for target, path in files.items() if path.suffix == ".so" or path == PYTHON or "/bin/" in target]
    binaries += [path for target, path in files.items() if "/sbin/" in target]
    # It exits 1 when one of them is static, which is no mistake.
    listing = subprocess.run(["ldd", *binaries], capture_output=True, text=True, check=False).stdout
    return {path: Path(path) for path in re.findall(r"^\t(?:.* => )?(/\S+) \(0x", listing, re.MULTILINE)}
