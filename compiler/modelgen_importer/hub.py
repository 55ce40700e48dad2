"""Put snapshots into a hub directory, in the layout of huggingface_hub and with modelgen's own records.

    models--namespace--name/blobs/<name>
    models--namespace--name/snapshots/<commit>/<path> -> ../../blobs/<name>    (the file itself where links do not work)
    models--namespace--name/refs/<name>, trees/<commit>.json
    .locks/modelgen/locks/, seen.json                                          (which lock needs what; known hashes)

Sources: cache/layout.py, cache/registry.py and fetching/remembered.py of modelgen.hub.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import re
import socket
import stat
from typing import TYPE_CHECKING, Any

from modelgen_importer.manifest import RefusedError, is_path
from modelgen_importer.medium import blocks
from modelgen_importer.saying import say
from modelgen_importer.target import FLAGS, Content, Digests, Target, writing

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from modelgen_importer.manifest import Bundle, File, Snapshot

OWN = ".locks/modelgen"
_SEEN = f"{OWN}/seen.json"


class Hub(Target):
    """A hub directory.

    Args:
        root: The folder.
        links: Whether its file system has symbolic links.
        project: The folder of the project; another one may have loaded half of a bundle here.
    """

    def __init__(self, root: Path, project: Path, *, links: bool) -> None:
        super().__init__(root, f"{OWN}/partial/{hashlib.sha256(os.fsencode(project)).hexdigest()[:16]}")
        self._links = links
        self._record: dict[str, Any] = {"complete": None, "files": {}}
        self._known: set[tuple[object, ...]] = set()
        with contextlib.suppress(ValueError, LookupError, TypeError, AttributeError, RecursionError):
            found = json.loads(self.read(_SEEN) or b"")
            self._known = {tuple(entry) for entry in found["files"].values()}
            self._record = {"complete": found.get("complete"), "files": found["files"]}

    def places(self, snapshot: Snapshot, file: File) -> tuple[str, str]:
        """Return the path that engines open, and that of the content."""
        folder = folder_of(snapshot.repo)
        pointer = f"{folder}/snapshots/{snapshot.commit}/{file.path}"
        return pointer, f"{folder}/blobs/{file.name}" if self._links else pointer

    def all_places(self, bundle: Bundle) -> list[tuple[str, str, File]]:
        """Return these paths of each file that a bundle needs here; they are the same for a file of no hub."""
        found = [(*self.places(one, file), file) for one in bundle.hub.snapshots for file in one.files]
        return [*found, *((file.path, file.path, file) for file in bundle.hub.assets)]

    def is_known(self, place: str, file: File) -> bool:
        """Return whether a file had the hash of a content, and has not changed since."""
        found = self.look(place)
        name = file.name or file.sha256
        return found is not None and (found.st_size, found.st_mtime_ns, found.st_ino, name) in self._known

    def is_right(self, place: str, file: File) -> bool:
        """Return whether a file has a content, by reading it."""
        digests = Digests(content_of(file))
        for block in blocks(self.path(place), file.size):
            digests.update(block)
        return digests.fit()

    def find(self, name: str, size: int) -> Iterator[Path]:
        """Yield the contents of any repository that have a name and a size."""
        for folder in sorted(self.root.glob("models--*")):
            if self.size(f"{folder.name}/blobs/{name}") == size:
                yield folder / "blobs" / name

    def link_files(self, snapshot: Snapshot) -> None:
        """Link the contents of a snapshot, which are in place."""
        for file in snapshot.files:
            pointer, place = self.places(snapshot, file)
            found = self.look(pointer)
            if place == pointer or (self.size(pointer) == file.size and self.size(place) < 0):
                continue  # the file itself is there
            if found is not None and not stat.S_ISLNK(found.st_mode):
                self.set_aside(pointer, f"{OWN}/aside")
            self.link(pointer, place)

    def name(self, snapshot: Snapshot, listing: bytes) -> None:
        """Write the listing and the refs of a snapshot, which is complete."""
        folder = folder_of(snapshot.repo)
        self._write(f"{folder}/trees/{snapshot.commit}.json", self._listing(snapshot, listing))
        for ref in dict.fromkeys((*snapshot.refs, f"modelgen/{snapshot.commit}")):
            other = (self.read(f"{folder}/refs/{ref}") or b"").decode(errors="replace")
            if re.fullmatch("[0-9a-f]{40}", other) and self.folder(f"{folder}/snapshots/{other}", make=False):
                self._write(f"{folder}/refs/modelgen/{other}", other.encode())  # `hf cache prune` keeps what has a ref
            self._write(f"{folder}/refs/{ref}", snapshot.commit.encode())

    def _listing(self, snapshot: Snapshot, listing: bytes) -> bytes:
        """Return a listing, with further files of the commit that another lock needs and that are there."""
        folder = folder_of(snapshot.repo)
        try:
            wanted = json.loads(listing)["files"]
            there = json.loads(self.read(f"{folder}/trees/{snapshot.commit}.json") or b'{"files": {}}')["files"]
            names = [name for name in there if name not in wanted and is_path(name)]
            more = [name for name in names if self.look(f"{folder}/snapshots/{snapshot.commit}/{name}")]
        except (ValueError, LookupError, TypeError, AttributeError, RecursionError, RefusedError):
            return listing
        files = dict(sorted({**{name: there[name] for name in more}, **wanted}.items()))
        return json.dumps({"format_version": 1, "files": files}, indent=1).encode() if more else listing

    def _write(self, name: str, data: bytes) -> None:
        if self.size(name) != len(data) or self.read(name) != data:
            self.write(name, data)

    def register(self, lock: Path, bundle: Bundle, *, note: bool) -> None:
        """Register what a lock needs, so that `modelgen prune` keeps it.

        Args:
            lock: The path of the lock.
            bundle: The bundle, all of which is in place.
            note: Whether all its contents were hashed, which is remembered.
        """
        sha256 = next((file.sha256 for file in bundle.files if file.path == lock.name), "")
        host, path = socket.gethostname(), os.path.realpath(lock)
        needs = [
            {
                "repo": one.repo,
                "commit": one.commit,
                "refs": one.refs,
                "files": {file.path: file.name for file in one.files},
            }
            for one in bundle.hub.snapshots
        ]
        assets = [file.sha256 for file in bundle.hub.assets]
        entry = {"format": 1, "host": host, "path": path, "sha256": sha256, "needs": needs, "assets": assets}
        name = hashlib.sha256(f"{host}\0{path}".encode(errors="surrogatepass")).hexdigest()[:32]
        self._write(f"{OWN}/locks/{name}.json", json.dumps(entry, indent=1).encode(errors="surrogatepass"))
        for pointer, place, file in self.all_places(bundle) if note else ():
            spots = (self.look(spot) for spot in (place, pointer))
            found = next(spot for spot in spots if spot is not None and stat.S_ISREG(spot.st_mode))
            self._record["files"][pointer] = [found.st_size, found.st_mtime_ns, found.st_ino, file.name or file.sha256]
        self._write(_SEEN, json.dumps(self._record).encode())


def folder_of(repo: str) -> str:
    """Return the folder of a repository below the hub directory."""
    return f"models--{repo.replace('/', '--')}"


def content_of(file: File) -> Content:
    """Return the content of a file of the hub directory."""
    return Content(file.sha256, file.size, (), file.name if len(file.name) == 40 else "")


@contextlib.contextmanager
def held(hub: Hub) -> Iterator[None]:
    """Lock a hub directory for one process, as modelgen does; where files cannot be locked, nothing is."""
    path = hub.path(f"{OWN}/lock")
    with writing(path):
        descriptor = os.open(path, FLAGS, 0o664)
    with os.fdopen(descriptor, "rb") as file:
        try:
            import fcntl

            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                say(f"waiting for another process that holds {hub.root}")
                fcntl.flock(file, fcntl.LOCK_EX)
        except (ImportError, OSError):
            pass
        yield
