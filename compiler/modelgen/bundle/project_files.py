"""Find the files of the project that the other side needs: models.toml, its lock, the build, and what these name."""

from __future__ import annotations

import posixpath
import re
import stat
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from modelgen.host_paths import host_path, leads_out
from modelgen.lockfile.entries import is_path
from modelgen.output import RECORD, complete_record

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from pathlib import Path

    from modelgen.ir import Fleet, Service

OVERRIDE = "docker-compose.override.yml"
_SECRET = re.compile(r"\.env(\..*)?|\.netrc|\.git|\.modelgen")
_SHORT_BIND = re.compile(r"(\.{1,2}(?:[/\\][^:]*)?|~[^:]*|/[^:]*|[A-Za-z]:[/\\][^:]*):.*")
_BESIDE = "copy it beside models.toml, and write its path there as `./NAME`"


@dataclass(frozen=True)
class Written:
    """The bytes of a project, as the compiler has read and written them.

    Args:
        name: The name of models.toml.
        config: Its bytes.
        lock: The bytes of the lock beside it, or None.
        measured: The bytes of the measured starts beside it, or None.
        artifacts: The build, by path in its folder.
        out: The folder of the build, relative to that of models.toml, with `/`.
        wrappers: The scripts that run modelgen in its image, by name.
    """

    name: str
    config: bytes
    lock: bytes | None
    measured: bytes | None
    artifacts: Mapping[str, bytes]
    out: str
    wrappers: Mapping[str, bytes] = field(default_factory=dict)

    @property
    def built(self) -> dict[str, bytes]:
        """The build with its record, by path below the folder of models.toml."""
        files = {**self.artifacts, RECORD: complete_record(self.artifacts)}
        return {posixpath.normpath(f"{self.out}/{path}"): data for path, data in files.items()}


@dataclass(frozen=True)
class Carried:
    """A file of the project: its bytes, or where they are on this host."""

    path: str
    content: bytes | Path
    executable: bool = False


@dataclass
class Named:
    """The files that models name.

    Args:
        files: The files by path.
        faults: By model, why one of its files cannot be carried.
        of_host: Paths of the other host that containers mount, which are not carried.
        left_out: Files that are never carried, such as .env.
    """

    files: dict[str, Carried] = field(default_factory=dict)
    faults: dict[str, str] = field(default_factory=dict)
    of_host: set[str] = field(default_factory=set)
    left_out: set[str] = field(default_factory=set)


def written_files(written: Written) -> Iterator[Carried]:
    """Yield models.toml, the files beside it, and the build."""
    stem = posixpath.splitext(written.name)[0]
    yield Carried(written.name, written.config)
    for suffix, data in ((".lock", written.lock), (".measured.toml", written.measured)):
        if data is not None:
            yield Carried(f"{stem}{suffix}", data)
    for path, data in written.built.items():
        yield Carried(path, data)
    for name, data in written.wrappers.items():
        yield Carried(name, data, executable=not posixpath.splitext(name)[1])


def named_files(fleet: Fleet, root: Path, flag_files: Mapping[str, str], apart: Iterable[Path]) -> Named:
    """Find the files that arguments and `compose` name.

    Args:
        fleet: The deployment.
        root: The folder of models.toml.
        flag_files: The file of flags of each model that has one, as written.
        apart: Folders that are no part of a folder that is mounted: the hub directory, the bundle.
    """
    found = Named()
    keys = fleet.orchestrator.keys_file
    private = {posixpath.normpath(keys.replace("\\", "/"))} if keys else set()
    others = {path.resolve() for path in apart}
    for service in fleet.services:
        walker = _Walker(root, service.model, private, others, found)
        for source in _sources(service, flag_files.get(service.model)):
            walker.take(source)
        for source in _binds(service.additions):
            walker.take_bind(source)
    own = _Walker(root, "", private, others, found)
    for source in _binds(fleet.orchestrator.additions):
        own.take_bind(source)
    return found


def _sources(service: Service, flag_file: str | None) -> Iterator[str]:
    yield from (mount.source for mount in service.files)
    if flag_file is not None:
        yield flag_file


def _binds(additions: Mapping[str, Mapping[str, Any]]) -> Iterator[str]:
    """Yield the paths of the host that the user's own Compose keys mount."""
    for volume in additions.get("compose", {}).get("volumes", ()):
        if isinstance(volume, str):
            if match := _SHORT_BIND.fullmatch(volume):
                yield match[1]
        elif volume.get("type") == "bind" and isinstance(volume.get("source"), str):
            yield volume["source"]


@dataclass(frozen=True)
class _Walker:
    """Takes the files of one model."""

    root: Path
    model: str
    private: set[str]
    apart: set[Path]
    found: Named

    def take(self, source: str) -> None:
        """Take a file or a folder with all of its files."""
        path = posixpath.normpath(host_path(source))
        if leads_out(path):
            self._fault(
                f"{source} is outside the folder of models.toml, and a bundle holds only what is inside; {_BESIDE}"
            )
        elif self._is_private(path):
            self._fault(
                f"{path} may hold passwords, so a bundle never holds it; put what the model needs in another file"
            )
        elif not (self.root / path).exists():
            self._fault(f"{path} does not exist; create it, or correct its path in models.toml")
        else:
            self._walk(path)

    def take_bind(self, source: str) -> None:
        """Take what `compose.volumes` mounts from below the folder of models.toml; other paths belong to the host."""
        path = posixpath.normpath(host_path(source))
        if leads_out(path) and not path.startswith(".."):
            self.found.of_host.add(path)
        elif path.startswith("..") or (self.root / path).exists():  # Docker creates a missing folder
            self.take(source)

    def _walk(self, path: str) -> None:
        place = self.root / path
        if (path != "." and not is_path(path)) or not path.isprintable():
            self._fault(f"the name of {path!r} cannot exist on every file system; rename it")
        elif self._leads_out(place):
            self._fault(f"{path} is a link that leads out of the folder of models.toml; replace it by the file itself")
        elif place.is_dir():
            for name in sorted(entry.name for entry in place.iterdir()):
                inner = posixpath.normpath(f"{path}/{name}")
                if self._is_private(inner):
                    self.found.left_out.add(inner)
                elif (self.root / inner).resolve() in self.apart:
                    continue
                elif not (self.root / inner).is_symlink() or not (self.root / inner).is_dir():
                    self._walk(inner)
                else:
                    self._fault(f"{inner} is a link to a folder; replace it by the folder itself")
        elif not place.is_file():
            self._fault(f"{path} is not a file; a bundle holds only files")
        else:
            executable = bool(place.stat().st_mode & stat.S_IXUSR)
            self.found.files[path] = Carried(path, place, executable)

    def _is_private(self, path: str) -> bool:
        return path in self.private or _SECRET.fullmatch(posixpath.basename(path)) is not None

    def _leads_out(self, place: Path) -> bool:
        return not place.resolve().is_relative_to(self.root.resolve())

    def _fault(self, text: str) -> None:
        self.found.faults.setdefault(self.model, text)
