"""The Python files of one release: an unpacked source tree, an installed copy, an sdist or a wheel."""

from __future__ import annotations

import ast
import re
import tarfile
import zipfile
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

# Packages that live in a folder of the repository, not at its root: SGLang's is in python/.
_PREFIXES = ("", "python/", "src/")
_METADATA = re.compile(r"(?:^|/)(?:PKG-INFO|[^/]+\.dist-info/METADATA)$")


class SourceError(Exception):
    """A tree without the package, or without a version; the message is for the person at the terminal."""


class NotUnderstoodError(Exception):
    """A construct that would have to be guessed at; the message begins with file and line."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where something stands in the sources."""

    path: str
    line: int

    def __str__(self) -> str:
        return f"{self.path}:{self.line}"


@dataclass(frozen=True)
class Source:
    """One Python file; parsed when it is first asked for."""

    name: str
    path: str
    text: str

    @cached_property
    def tree(self) -> ast.Module:
        """The file's syntax tree."""
        return ast.parse(self.text.removeprefix("\ufeff"), self.path)

    @property
    def is_package(self) -> bool:
        """Whether relative imports count from here."""
        return self.path.endswith("__init__.py")

    def place(self, node: ast.AST) -> Place:
        """Return where a node of this file stands."""
        return Place(self.path, getattr(node, "lineno", 0))


@dataclass
class SourceTree:
    """The files of one package, by their paths from the folder that holds the package; `open_tree` makes it."""

    package: str
    version: str
    _files: dict[str, str | Path]

    def source(self, module: str) -> Source | None:
        """Return a module of the package, or None for one that is not there."""
        base = module.replace(".", "/")
        for path in (f"{base}.py", f"{base}/__init__.py"):
            if path in self._files:
                return self._read(module, path)
        return None

    def sources_below(self, folder: str) -> Iterator[Source]:
        """Yield all modules in and below a folder, by name."""
        for path in sorted(self._files):
            if path.startswith(f"{folder}/"):
                yield self._read(path.removesuffix(".py").removesuffix("/__init__").replace("/", "."), path)

    def _read(self, module: str, path: str) -> Source:
        held = self._files[path]
        text = held.read_text(encoding="utf-8") if isinstance(held, Path) else held
        return Source(module, path, text)


def open_tree(location: Path, package: str) -> SourceTree:
    """Open the sources of a package, wherever they are; nothing is imported and nothing is run."""
    if location.is_dir():
        files: dict[str, str | Path] = {
            path.relative_to(location).as_posix(): path
            for root in (location / f"{prefix}{package}" for prefix in _PREFIXES)
            for path in root.rglob("*.py")
        }
        metadata = [path.read_text(encoding="utf-8") for path in _metadata_files(location)]
    elif location.suffix == ".whl":
        files, metadata = _from_wheel(location, package)
    else:
        files, metadata = _from_sdist(location, package)
    for prefix in _PREFIXES:
        found = {path.removeprefix(prefix): text for path, text in files.items() if path.startswith(prefix + package)}
        if f"{package}/__init__.py" in found:
            return SourceTree(package, _version(metadata, location, package), found)
    raise SourceError(f"{location}: no package {package} in it")


def _metadata_files(location: Path) -> Iterator[Path]:
    for path in (location / "PKG-INFO", *location.glob("*.dist-info/METADATA")):
        if path.is_file():
            yield path


def _from_wheel(location: Path, package: str) -> tuple[dict[str, str | Path], list[str]]:
    with zipfile.ZipFile(location) as archive:
        names = [name for name in archive.namelist() if name.startswith(f"{package}/") and name.endswith(".py")]
        metadata = [archive.read(name).decode() for name in archive.namelist() if _METADATA.search(name)]
        return {name: archive.read(name).decode() for name in names}, metadata


def _from_sdist(location: Path, package: str) -> tuple[dict[str, str | Path], list[str]]:
    """Read an sdist in one pass: seeking in a compressed archive is slow."""
    files: dict[str, str | Path] = {}
    metadata: list[str] = []
    starts = tuple(f"{prefix}{package}/" for prefix in _PREFIXES)
    with tarfile.open(location) as archive:
        for member in archive:
            path = PurePosixPath(*PurePosixPath(member.name).parts[1:]).as_posix()
            is_source = path.endswith(".py") and path.startswith(starts)
            held = archive.extractfile(member) if is_source or path == "PKG-INFO" else None
            if held is not None and is_source:
                files[path] = held.read().decode()
            elif held is not None:
                metadata.append(held.read().decode())
    return files, metadata


def _version(metadata: list[str], location: Path, package: str) -> str:
    for text in metadata:
        if re.search(rf"^Name: {package}(?:-\w+)?$", text, re.MULTILINE) and (
            found := re.search(r"^Version: (\S+)$", text, re.MULTILINE)
        ):
            return found[1]
    if found := re.match(rf"{package}-(\d[\w.]*?)(?:\.tar\.gz|-py3.*)?$", location.name):
        return found[1]
    raise SourceError(f"{location}: no PKG-INFO and no version in its name; call it {package}-1.2.3")
