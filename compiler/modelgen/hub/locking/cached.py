"""List the files of a snapshot that a hub directory has, and the hashes that name them."""

from __future__ import annotations

import errno
import json
import os
import re
import stat
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from modelgen.hub.locking.listing import license_of

if TYPE_CHECKING:
    from collections.abc import Iterator

_HASH = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")
_SHARD = re.compile(r"(.+)-(\d{5})-of-(\d{5})(\.[a-z]+)", re.ASCII)
# Files that the hub keeps outside git at any size (its default .gitattributes).
_LARGE = (".bin", ".ckpt", ".gguf", ".h5", ".msgpack", ".onnx", ".ot", ".pt", ".pth", ".safetensors")
_SMALL_BYTES = 10_000_000
_MAX_INDEX_BYTES = 64 * 2**20
_LEADS_NOWHERE = (errno.ENOENT, errno.ENOTDIR, errno.ELOOP)  # maximum length of a link
_MAX_CARD_BYTES = 64 * 1024


@dataclass(frozen=True)
class Found:
    """A file of a snapshot.

    Args:
        path: The path of its content, as an engine opens it.
        size: The size in bytes; 0 for a missing file.
        is_there: Whether the file exists.
        is_large: Whether its hash is SHA-256, and not git's id.
        expected: The hash that it must have; None if unknown.
    """

    path: Path
    size: int
    is_there: bool
    is_large: bool
    expected: str | None

    @property
    def is_link_to_expected(self) -> bool:
        """Return whether it is a link to a blob named by the expected hash."""
        return bool(self.expected) and _blob_name(self.path) == self.expected


def listing_of(snapshot: Path) -> Path:
    """Return the path of the client's listing of a snapshot's commit."""
    return snapshot.parent.parent / "trees" / f"{snapshot.name}.json"


def find_files(snapshot: Path) -> dict[str, Found]:
    """Return the files of a snapshot by path, including expected files that are missing.

    Raises:
        OSError: The snapshot cannot be read.
    """
    listing = _read_listing(listing_of(snapshot))
    # A file that is not in the listing does not belong to this commit: the system or an engine wrote it.
    paths = (path for path in _walk(snapshot) if path in listing or not listing)
    found = {path: _look_at(snapshot / path, listing.get(path)) for path in paths}
    for path in listing or (_named_by_indexes(snapshot, found) | _named_by_shards(found)):
        found.setdefault(path, Found(snapshot / path, 0, is_there=False, is_large=False, expected=None))
    return dict(sorted(found.items()))


def _walk(snapshot: Path) -> Iterator[str]:
    def fail(error: OSError) -> None:
        raise error

    for folder, _, names in os.walk(snapshot, onerror=fail):
        for name in names:
            yield Path(folder, name).relative_to(snapshot).as_posix()


def _look_at(path: Path, listed: str | None) -> Found:
    try:
        status = path.stat()
    except OSError as error:
        if error.errno not in _LEADS_NOWHERE:
            raise
        status = None
    if status is None or not stat.S_ISREG(status.st_mode):
        return Found(path, 0, is_there=False, is_large=False, expected=None)
    size = status.st_size
    name = _blob_name(path)
    expected = listed or name
    is_large = len(expected) == 64 if expected else path.name.endswith(_LARGE) or size >= _SMALL_BYTES
    if listed and name not in (None, listed):
        expected = ""  # a content has only one of the two hashes
    return Found(path, size, is_there=True, is_large=is_large, expected=expected)


def _blob_name(path: Path) -> str | None:
    """Return the hash in the target of the first link; a second link leads into Xet's shared store."""
    if not path.is_symlink():
        return None
    target = path.readlink()
    return target.name if target.parent.name == "blobs" and _HASH.fullmatch(target.name) else None


def _read_listing(tree: Path) -> dict[str, str]:
    """Return the hash of each file by path, as the client stored it when it fetched the snapshot.

    Raises:
        OSError: It exists and cannot be read.
    """
    files = _read_json(tree).get("files")
    listed = {}
    for path, entry in files.items() if isinstance(files, dict) else ():
        digest = (entry.get("lfs_sha256") or entry.get("blob_id")) if isinstance(entry, dict) else None
        if isinstance(digest, str) and _HASH.fullmatch(digest) and ".." not in path.split("/"):
            listed[path] = digest
    return listed


def _named_by_indexes(snapshot: Path, found: dict[str, Found]) -> set[str]:
    """Return the shards that an index such as model.safetensors.index.json names."""
    named = set()
    for index, file in found.items():
        if not index.endswith(".safetensors.index.json") or not file.is_there:
            continue
        shards = _read_json(snapshot / index).get("weight_map")
        folder = index.rpartition("/")[0]
        for shard in shards.values() if isinstance(shards, dict) else ():
            if isinstance(shard, str) and "/" not in shard:
                named.add(f"{folder}/{shard}" if folder else shard)
    return named


def _named_by_shards(found: dict[str, Found]) -> set[str]:
    """Return the other shards of names such as `-00001-of-00003`."""
    named = set()
    for path in found:
        if shard := _SHARD.fullmatch(path):
            stem, _, count, suffix = shard.groups()
            named |= {f"{stem}-{number:05}-of-{count}{suffix}" for number in range(1, int(count) + 1)}
    return named


def _read_json(path: Path) -> dict[str, Any]:
    try:
        if path.stat().st_size > _MAX_INDEX_BYTES:
            return {}
        read = json.loads(path.read_bytes())
    except (FileNotFoundError, NotADirectoryError, ValueError, RecursionError):
        return {}
    return read if isinstance(read, dict) else {}


def read_license(snapshot: Path) -> str | None:
    """Return the license that the front matter of README.md names."""
    import yaml

    try:
        with (snapshot / "README.md").open("rb") as file:
            text = file.read(_MAX_CARD_BYTES).decode(errors="replace")
        front = re.match(r"\ufeff?---\r?\n(.*?)\r?\n---", text, re.DOTALL)
        card = yaml.safe_load(front[1]) if front else None
    except (OSError, yaml.YAMLError, ValueError, RecursionError):
        return None
    return license_of(card) if isinstance(card, dict) else None
