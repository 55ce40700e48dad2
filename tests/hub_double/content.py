"""What a file of a repository is to the hub: its bytes, and the names that git, LFS and Xet give them."""

from __future__ import annotations

import functools
import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from pathlib import Path

LFS_SUFFIXES = (".safetensors", ".gguf", ".bin")


class Piece(NamedTuple):
    """A stretch of bytes, in memory or on disk."""

    source: bytes | Path
    start: int
    stop: int


@dataclass(frozen=True)
class Blob:
    """One file's content."""

    source: bytes | Path
    size: int
    oid: str  # git's name: of the content, or of the pointer that stands for an LFS file
    sha256: str  # an LFS file's name; empty for a small file
    pointer_size: int
    xet: str  # the Xet hash, where the file has one

    @property
    def etag(self) -> str:
        return self.sha256 or self.oid


def blob_of(content: bytes | Path, *, lfs: bool, xet: bool) -> Blob:
    size = len(content) if isinstance(content, bytes) else content.stat().st_size
    if not lfs:
        data = content if isinstance(content, bytes) else content.read_bytes()
        return Blob(data, size, git_name(data), "", 0, "")
    sha256 = hashlib.sha256(content).hexdigest() if isinstance(content, bytes) else _sha256_of(content)
    pointer = f"version https://git-lfs.github.com/spec/v1\noid sha256:{sha256}\nsize {size}\n".encode()
    xet_hash = hashlib.sha256(f"xet {sha256}".encode()).hexdigest() if xet else ""
    return Blob(content, size, git_name(pointer), sha256, len(pointer), xet_hash)


def git_name(data: bytes, kind: str = "blob") -> str:
    return hashlib.sha1(f"{kind} {len(data)}\0".encode() + data).hexdigest()


def _sha256_of(path: Path) -> str:
    stat = path.stat()
    return _sha256_once(path, stat.st_size, stat.st_mtime_ns)


@functools.cache
def _sha256_once(path: Path, _size: int, _changed: int) -> str:
    """Hash a file that is as large as a model once for all the tests of a run."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
