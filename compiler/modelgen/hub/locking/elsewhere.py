"""Lock files that are on no hub: their hashes are given, their sizes are looked up."""

from __future__ import annotations

import urllib.error
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

from modelgen.hub.cache.layout import asset_path
from modelgen.lockfile.entries import Asset

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    from modelgen.resolve.assets import Outside

_PATIENCE = 10.0
_AT_ONCE = 4


def lock_assets(
    files: Mapping[Outside, tuple[str, ...]], old: Iterable[Asset], hub: Path, *, may_ask: bool
) -> list[Asset]:
    """Return the lock's entries for files that are on no hub.

    Args:
        files: The files, each with the models that need it.
        old: The entries of the existing lock.
        hub: The hub directory, which may contain them.
        may_ask: Whether requests to their servers are allowed, for their sizes.
    """
    sizes = {(asset.url, asset.sha256): asset.size for asset in old}

    def entry(file: Outside) -> Asset:
        size = sizes.get((file.url, file.sha256))
        new = Asset(name=file.name, url=file.url, sha256=file.sha256, size=size, models=[*files[file]])
        if size is None:
            size = _size_here(asset_path(hub, new))
        if size is None and may_ask:
            size = size_at(file.url)
        return new.model_copy(update={"size": size})

    with ThreadPoolExecutor(_AT_ONCE) as pool:
        return [*pool.map(entry, files)]


def size_at(url: str) -> int | None:
    """Return the size of a file from its server, or None; the size is only informative."""
    request = urllib.request.Request(url, method="HEAD", headers={"Accept-Encoding": "identity"})  # noqa: S310 - ours
    try:
        with urllib.request.urlopen(request, timeout=_PATIENCE) as answer:  # noqa: S310 - the same
            length = answer.headers.get("Content-Length", "")
    except (OSError, ValueError):
        return None
    return int(length) if length.isdecimal() and int(length) > 0 else None


def _size_here(path: Path) -> int | None:
    try:
        return path.stat().st_size
    except OSError:
        return None
