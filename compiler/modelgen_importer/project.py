"""Write the files of a project, keep what was edited there, and remember what each load wrote.

Below `.modelgen/bundle/`, `current/` has bundle.json and the files of the last load, `previous/` those of the load
before it, and `incoming/` what a load has copied so far.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from modelgen_importer.manifest import Piece
from modelgen_importer.medium import blocks
from modelgen_importer.reading import read_bundle
from modelgen_importer.target import Content, Target, open_up, writing

if TYPE_CHECKING:
    from pathlib import Path

    from modelgen_importer.manifest import Bundle, Snapshot

STATE = ".modelgen/bundle"
_STATES = ("incoming", "current", "previous", "replaced")


class Project(Target):
    """The folder of a project."""

    def __init__(self, root: Path) -> None:
        super().__init__(root, f"{STATE}/partial")
        self._data, self._state = b"", "incoming"

    def open(self, data: bytes) -> None:
        """Begin with a bundle.json; the files of the one that is loaded already stay in `current`."""
        self._data, self._state = data, "current" if self.manifest("current") == data else "incoming"

    def blob(self, sha256: str) -> str:
        """Return where a content of the bundle is kept."""
        return f"{STATE}/{self._state}/blobs/{sha256}"

    def listing(self, snapshot: Snapshot) -> bytes:
        """Return the listing of a snapshot, which was copied."""
        return self.read(self.blob(snapshot.tree)) or b""

    def manifest(self, state: str) -> bytes | None:
        """Return the bundle.json of `incoming`, `current` or `previous`, if there is one."""
        return self.read(f"{STATE}/{state}/bundle.json")

    def earlier(self) -> bytes | None:
        """Return the bundle.json to go back to; `replaced` is there while the states change places."""
        if self.folder(f"{STATE}/replaced", make=False) is not None:
            return self.manifest("incoming") or self.manifest("current")
        return self.manifest("previous")

    def begin(self) -> None:
        """Make the folder for what the bundle brings; what another bundle left there goes."""
        if self.manifest(self._state) != self._data:
            self.clear(f"{STATE}/{self._state}")
            self.write(f"{STATE}/{self._state}/bundle.json", self._data)

    def find(self, sha256: str, size: int) -> Path | None:
        """Return a content that an earlier run or load has copied."""
        names = (f"{STATE}/{state}/blobs/{sha256}" for state in _STATES)
        return next((self.path(name) for name in names if self.size(name) == size), None)

    def bundles(self) -> list[Bundle]:
        """Return what was loaded, or begun."""
        found = (self.manifest(state) for state in _STATES)
        return [read_bundle(data) for data in found if data is not None]

    def edited(self, bundle: Bundle) -> list[str]:
        """Return the files that are neither as the bundle has them, nor as a load wrote them."""
        wrote: dict[str, set[str]] = {file.path: {file.sha256} for file in bundle.files}
        for file in (file for one in self.bundles() for file in one.files):
            wrote.setdefault(file.path, set()).add(file.sha256)
        return sorted(path for path, hashes in wrote.items() if self.look(path) and self._hash(path) not in hashes)

    def apply(self, bundle: Bundle, kept: list[str]) -> None:
        """Write the files of a bundle, save those to keep, and remove those that only the load before wrote.

        Raises:
            RefusedError: A folder is in the place of a file.
        """
        for file in bundle.files:
            if file.path not in kept and self._hash(file.path) != file.sha256:
                pieces = [(self.find(file.sha256, file.size), Piece(file.sha256, file.size))]
                self.copy(Content(file.sha256, file.size, pieces), file.path, lambda _: None)
            if file.path not in kept:
                open_up(self.path(file.path), executable=file.executable)
        before = self.manifest("current")
        names = {file.path for file in bundle.files} | {*kept}
        for file in read_bundle(before).files if before is not None else ():
            if file.path not in names and self.size(file.path) >= 0:
                self.remove(file.path)

    def finish(self, keep: set[str]) -> None:
        """Make `incoming` the current state, with these contents; a run after a kill finds each step as it is."""
        for path in self.path(self.blob("x")).parent.iterdir():
            if path.name not in keep:
                path.unlink()
        self.sync()
        self.clear(self.partial)
        if self._state == "current":
            self.clear(f"{STATE}/incoming")
        elif self.manifest("current") is not None:
            self.clear(f"{STATE}/replaced")
            self._move("previous", "replaced")
            self._move("current", "previous")
        self._move("incoming", "current")
        self.clear(f"{STATE}/replaced")

    def _move(self, state: str, other: str) -> None:
        source, place = self.path(f"{STATE}/{state}"), self.path(f"{STATE}/{other}")
        with writing(place):
            if source.is_dir() and not place.is_dir():
                source.replace(place)
                self._folders = {path for path in self._folders if source not in (path, *path.parents)}

    def _hash(self, name: str) -> str:
        """Return the hash of a file; empty if there is no regular file."""
        if (size := self.size(name)) < 0:
            return ""
        digest = hashlib.sha256()
        for block in blocks(self.path(name), size):
            digest.update(block)
        return digest.hexdigest()
