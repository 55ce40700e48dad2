"""The small files of the layout that are nobody's content: refs, and the listing of a snapshot."""

from __future__ import annotations

import stat
from typing import TYPE_CHECKING

from modelgen.hub.layout import tree_listing
from modelgen.lockfile.repos import is_commit, is_local

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from modelgen.hub.layout import Checkout


def is_there(path: Path, size: int | None) -> bool:
    """Return whether a path leads to a file of that size; None stands for any."""
    try:
        found = path.stat()
    except OSError:
        return False
    return stat.S_ISREG(found.st_mode) and size in (None, found.st_size)


def small_files(checkout: Checkout) -> dict[str, bytes]:
    """Return the refs and the listing as they should be, by path below the repository's folder."""
    wanted = {f"refs/{name}": checkout.commit.encode() for name in checkout.refs if not has_moved_on(checkout, name)}
    wanted[f"trees/{checkout.commit}.json"] = tree_listing(checkout)
    return wanted


def wrong_small_files(checkout: Checkout) -> Iterator[tuple[str, bytes]]:
    """Yield the refs and the listing that are not as they should be: path below the repository's folder, contents."""
    for name, data in small_files(checkout).items():
        path = checkout.folder / name
        # Compared by size first: what lies there may be anything.
        if not is_there(path, len(data)) or path.read_bytes() != data:
            yield name, data


def has_moved_on(checkout: Checkout, ref: str) -> bool:
    """Return whether `modelgen add` has given a local name a newer content.

    `modelgen lock --upgrade` takes that over; to move the ref back would lose it, and what is locked is asked for by
    its commit.
    """
    path = checkout.ref(ref)
    if not is_local(checkout.repo) or not is_there(path, 40):
        return False
    commit = path.read_bytes().decode(errors="replace")
    return commit != checkout.commit and is_commit(commit) and (checkout.snapshot.parent / commit).is_dir()
