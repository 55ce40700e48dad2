"""What a complete hub directory holds, noted when it was seen to be complete.

With it, a run that has nothing to do need not understand models.toml and its lock again: they are the same bytes, so
what was wanted then is wanted now, and a look at each file tells whether it is still there. It is a note, never a
proof: whatever is amiss with it, the run goes the long way.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import stat
from typing import TYPE_CHECKING, Any

from modelgen import __version__

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from modelgen.hub.layout import Checkout
    from modelgen.lockfile.entries import Asset

_NOTE = ".modelgen/complete.json"


def key_of(config: bytes, lock: bytes) -> str:
    """Return what names a models.toml and its lock, as this version understands them."""
    digest = hashlib.sha256(f"{__version__} {len(config)} ".encode())
    digest.update(config)
    digest.update(lock)
    return digest.hexdigest()


def is_complete(hub: Path, key: str) -> bool:
    """Tell whether the note is of `key`, and all that it names is still there: sizes of files, contents of refs."""
    root = os.fspath(hub)
    try:
        note: Any = json.loads((hub / _NOTE).read_bytes())
        return (
            note["key"] == key
            and all(_has_size(f"{root}/{path}", size) for path, size in note["files"].items())
            and all(_has_hash(hub / path, sha256) for path, sha256 in note["small"].items())
        )
    except (OSError, ValueError, LookupError, TypeError, AttributeError):
        return False


def _has_size(path: str, size: int | None) -> bool:
    found = os.stat(path)  # noqa: PTH116 - thousands of them
    return stat.S_ISREG(found.st_mode) and size in (None, found.st_size)


def _has_hash(path: Path, sha256: str) -> bool:
    return path.is_file() and hashlib.sha256(path.read_bytes()).hexdigest() == sha256


def remember(hub: Path, key: str, checkouts: Iterable[Checkout], assets: Iterable[Asset]) -> None:
    """Note that all of these are there; where that cannot be written, the next run takes the long way."""
    from modelgen.files import Staged
    from modelgen.hub.layout import asset_path
    from modelgen.hub.small_files import small_files

    files: dict[str, int | None] = {}
    small: dict[str, str] = {}
    for checkout in checkouts:
        for file in checkout.files.values():
            files[checkout.pointer(file).relative_to(hub).as_posix()] = file.size
        folder = checkout.folder.relative_to(hub).as_posix()
        for name, data in small_files(checkout).items():
            small[f"{folder}/{name}"] = hashlib.sha256(data).hexdigest()
    for asset in assets:
        files[asset_path(hub, asset).relative_to(hub).as_posix()] = asset.size
    note = json.dumps({"key": key, "files": files, "small": small}).encode()
    with contextlib.suppress(OSError):
        staged = Staged(hub, {_NOTE: note}, ".modelgen-new")
        try:
            staged.publish(_NOTE)
            (hub / _NOTE).chmod(0o644)
        finally:
            staged.discard()
