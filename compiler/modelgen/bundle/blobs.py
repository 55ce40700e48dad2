"""Write contents into `blobs/`: hash while copying, one read; fsync, then the name of the hash.

A content is complete once it has its name. What a killed run wrote of one stays beside it: the next run compares it
with the source and continues where it ends, so that bytes which a power cut left wrong are written again.
"""

from __future__ import annotations

import os
import threading
from dataclasses import dataclass
from io import BytesIO
from typing import IO, TYPE_CHECKING, Protocol

from modelgen.bundle.manifest import Blob, Part, path_of
from modelgen.files import STAGED, sync
from modelgen.hub.cache.following import open_regular
from modelgen.hub.cache.hashing import Digest

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from modelgen.bundle.volumes import Dealer, Piece

_BLOCK = 2**20
_INCOMING = "incoming"


class DamagedError(Exception):
    """A file does not have the contents that its hash names; the message is the end of a sentence about it."""


class Readable(Protocol):
    """A source of bytes."""

    def read(self, size: int, /) -> bytes | None:
        """Return at most `size` bytes; empty at the end."""


@dataclass(frozen=True)
class _Run:
    """The bytes of one content on their way: what was hashed of the whole, and of each part."""

    whole: str
    parts: tuple[str, ...]


class BlobStore:
    """The contents of a bundle.

    Args:
        folder: The folder of the bundle.
        dealer: Where contents go.
        known: The contents of the bundle that is in the folder already.
    """

    def __init__(self, folder: Path, dealer: Dealer, known: Mapping[str, Blob] | None = None) -> None:
        self._folder = folder
        self._dealer = dealer
        self._known = known or {}
        self._pieces: dict[str, tuple[Piece, ...]] = {}
        self._guard = threading.Lock()
        self._streams = 0
        self.advanced: Callable[[int], None] = lambda _: None
        """Called by several threads with the number of bytes read."""
        self.blobs: dict[str, Blob] = {}
        """The contents so far, by hash."""
        self.written = 0
        """Bytes that this run wrote."""

    def reserve(self, sha256: str, size: int) -> None:
        """Deal a content whose hash is known. The order of these calls decides what is on which volume."""
        if sha256 not in self._pieces:
            self._pieces[sha256] = self._dealer.deal(size)

    def missing(self, sha256: str) -> int:
        """Return the bytes that are still to be written of a content that was dealt."""
        paths = self._paths(sha256, self._pieces[sha256])
        if self._is_there(paths, self._pieces[sha256]):
            return 0
        sizes = ((_staged(path), piece.size) for path, piece in zip(paths, self._pieces[sha256], strict=True))
        return sum(size - min(size, max(_size_of(path), 0)) for path, size in sizes)

    def has(self, sha256: str, size: int) -> bool:
        """Return whether a content is in the bundle, and if so, keep it there."""
        self.reserve(sha256, size)
        if sha256 in self.blobs:
            return True
        pieces = self._pieces[sha256]
        if not self._is_there(self._paths(sha256, pieces), pieces):
            return False
        known = self._known.get(sha256)
        if len(pieces) > 1 and (known is None or [part.size for part in known.parts] != [one.size for one in pieces]):
            return False  # the hashes of the parts are unknown
        self._note(sha256, pieces, () if known is None else tuple(part.sha256 for part in known.parts))
        return True

    def add_file(self, path: Path, sha256: str, size: int) -> None:
        """Copy a file, unless its content is in the bundle.

        Raises:
            DamagedError: It has other contents, or cannot be read.
            OSError: The bundle cannot be written.
        """
        if self.has(sha256, size):
            return
        try:
            opened = open_regular(path)
        except OSError as error:
            raise DamagedError(f"cannot be read: {(error.strerror or str(error)).lower()}") from error
        with opened:
            self._add(opened, sha256)

    def add_bytes(self, data: bytes, sha256: str) -> None:
        """Write bytes that are in memory, unless they are in the bundle."""
        if not self.has(sha256, len(data)):
            self._add(BytesIO(data), sha256)

    def add_stream(self, source: Readable, size: int, sha256: str | None = None) -> str:
        """Write the next `size` bytes of a stream, and return their hash. For one thread at a time.

        With `sha256`, the content is continued where a killed run left it; ask `has` before, to skip one that is there.

        Raises:
            DamagedError: The stream ends before, or has another hash.
            OSError: The bundle cannot be written.
        """
        if sha256 is not None:
            self.reserve(sha256, size)
            self._add(source, sha256)
            return sha256
        before = self._dealer.state
        pieces = self._dealer.deal(size)
        name, self._streams = f"{_INCOMING}{self._streams}", self._streams + 1
        staged = [_staged(path) for path in self._paths(name, pieces)]
        run = self._copy(source, staged, pieces)
        if run.whole in self._pieces:
            self._dealer.state = before
            for path in staged:
                path.unlink()
        else:
            self._pieces[run.whole] = pieces
            self._publish(run.whole, staged, run.parts)
        return run.whole

    def sources(self, sha256: str) -> list[Path]:
        """Return the files that have a content: one, or its parts in order; none if it was not dealt."""
        return self._paths(sha256, self._pieces[sha256]) if sha256 in self._pieces else []

    def strays(self) -> list[Path]:
        """Return the files in the folders of contents that the bundle does not name."""
        named = {path for sha256, pieces in self._pieces.items() for path in self._paths(sha256, pieces)}
        folders = [*self._folder.glob("blobs/"), *self._folder.glob("vol*/blobs/")]
        return sorted(path for folder in folders for path in folder.iterdir() if path not in named)

    def _add(self, source: Readable, sha256: str) -> None:
        pieces = self._pieces[sha256]
        paths = self._paths(sha256, pieces)
        staged = [_staged(path) for path in paths]
        for path, new in zip(paths, staged, strict=True):
            if len(pieces) > 1 and path.exists():  # the hash of this part was not noted: compare it
                path.replace(new)
        run = self._copy(source, staged, pieces)
        if run.whole != sha256:
            for path in staged:
                path.unlink()
            raise DamagedError(f"is damaged: its hash is {run.whole[:12]}…, not {sha256[:12]}…")
        self._publish(sha256, staged, run.parts)

    def _copy(self, source: Readable, staged: Sequence[Path], pieces: Sequence[Piece]) -> _Run:
        """Write the bytes of a source to staged files, and hash them."""
        whole, parts = Digest(), []
        for path, piece in zip(staged, pieces, strict=True):
            part = Digest() if len(pieces) > 1 else None
            path.parent.mkdir(parents=True, exist_ok=True)
            path.touch()
            with path.open("r+b", buffering=0) as target:
                self._copy_piece(source, target, piece.size, [whole] if part is None else [whole, part])
            if part is not None:
                parts.append(part.hex())
        return _Run(whole.hex(), tuple(parts))

    def _copy_piece(self, source: Readable, target: IO[bytes], size: int, digests: Sequence[Digest]) -> None:
        there, start, written = os.fstat(target.fileno()).st_size, 0, 0
        while start < size:
            block = _read(source, min(_BLOCK, size - start))
            for digest in digests:
                digest.update(block)
            if start >= there or target.read(len(block)) != block:
                target.seek(start)
                _write(target, block)
                written += len(block)
            start += len(block)
            self.advanced(len(block))
        if there > size:
            target.truncate(size)
        sync(target.fileno())
        with self._guard:
            self.written += written

    def _publish(self, sha256: str, staged: Sequence[Path], parts: Sequence[str]) -> None:
        pieces = self._pieces[sha256]
        for path, place in zip(staged, self._paths(sha256, pieces), strict=True):
            path.replace(place)
        self._note(sha256, pieces, parts)

    def _note(self, sha256: str, pieces: Sequence[Piece], parts: Sequence[str]) -> None:
        size = sum(piece.size for piece in pieces)
        if len(pieces) == 1:
            self.blobs[sha256] = Blob(size, pieces[0].volume)
            return
        cut = (Part(part, piece.size, piece.volume) for part, piece in zip(parts, pieces, strict=True))
        self.blobs[sha256] = Blob(size, parts=tuple(cut))

    def _paths(self, name: str, pieces: Sequence[Piece]) -> list[Path]:
        if len(pieces) == 1:
            return [self._folder / path_of(name, pieces[0].volume)]
        return [self._folder / path_of(f"{name}.part{number:03d}", one.volume) for number, one in enumerate(pieces)]

    def _is_there(self, paths: Sequence[Path], pieces: Sequence[Piece]) -> bool:
        return all(_size_of(path) == piece.size for path, piece in zip(paths, pieces, strict=True))


def _staged(path: Path) -> Path:
    return path.with_name(path.name + STAGED)


def _size_of(path: Path) -> int:
    """Return the size of a file, or -1 without one."""
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return -1


def _read(source: Readable, size: int) -> bytes:
    """Return the next bytes of a source, at least one.

    Raises:
        DamagedError: It ends before, or cannot be read.
    """
    try:
        block = source.read(size)
    except OSError as error:
        raise DamagedError(f"cannot be read: {(error.strerror or str(error)).lower()}") from error
    if not block:
        raise DamagedError("is shorter than its size says")
    return block


def _write(target: IO[bytes], block: bytes) -> None:
    view = memoryview(block)
    while view:
        view = view[target.write(view) :]
