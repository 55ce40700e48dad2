"""Write the small files of the layout: refs, and the listing of a snapshot."""

from __future__ import annotations

import json
import os
import stat
from typing import TYPE_CHECKING, Any

from modelgen.hub.cache.layout import own_ref, tree_listing
from modelgen.lockfile.repos import is_commit, is_local

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from modelgen.hub.cache.layout import Checkout


_MAX_LISTING = 64 * 2**20


def is_there(path: Path, size: int | None) -> bool:
    """Return whether a path leads to a file of that size; None means any size."""
    try:
        found = path.stat()
    except OSError:
        return False
    return stat.S_ISREG(found.st_mode) and size in (None, found.st_size)


def small_files(checkout: Checkout, *, takes_names: bool = False) -> dict[str, bytes]:
    """Return the refs and the listing as they should be, by path below the repository's folder.

    Two projects may have different commits of one repository in one hub directory. Engines get the commit, so a name
    that points to the other project's commit is left unchanged; modelgen's own ref then keeps the snapshot. For the
    same reason, a missing name is not needed if modelgen's own ref keeps the snapshot.

    Args:
        checkout: The checkout.
        takes_names: Whether the snapshot was just downloaded and takes its names, wherever they point.
    """
    own = own_ref(checkout.commit)
    is_optional = not (takes_names or checkout.by_name) and _names(checkout, own)
    names = [
        name
        for name in checkout.refs
        if not leads_elsewhere(checkout, name, takes_names=takes_names)
        and (os.path.lexists(checkout.ref(name)) or not is_optional)
    ]
    if takes_names or not names:
        names.append(own)  # last: while it is missing, the next run writes the others
    wanted = {f"refs/{name}": checkout.commit.encode() for name in names}
    wanted[f"trees/{checkout.commit}.json"] = listing(checkout)
    return wanted


def _names(checkout: Checkout, ref: str) -> bool:
    """Return whether a ref names the commit of a checkout."""
    path = checkout.ref(ref)
    return is_there(path, len(checkout.commit)) and path.read_bytes() == checkout.commit.encode()


def listing(checkout: Checkout) -> bytes:
    """Return the listing of a snapshot as it should be.

    Another lock may need further files of the same commit: listed files that exist stay listed.
    """
    wanted, path = tree_listing(checkout), checkout.tree
    try:
        if not is_there(path, None) or path.stat().st_size > _MAX_LISTING:
            return wanted
        there = path.read_bytes()
        listed: Any = json.loads(there)["files"] if there != wanted else {}
        more = {name: entry for name, entry in listed.items() if _is_more(checkout, name, entry)}
    except (OSError, ValueError, LookupError, TypeError, AttributeError, RecursionError):
        return wanted
    return tree_listing(checkout, more) if more else wanted


def _is_more(checkout: Checkout, name: str, entry: object) -> bool:
    is_path = ".." not in name.split("/") and not name.startswith("/")
    return is_path and name not in checkout.files and isinstance(entry, dict) and (checkout.snapshot / name).is_file()


def wrong_small_files(checkout: Checkout, *, takes_names: bool = False) -> Iterator[tuple[str, bytes]]:
    """Yield the wrong refs and listings: path below the repository's folder, correct contents."""
    for name, data in small_files(checkout, takes_names=takes_names).items():
        path = checkout.folder / name
        # Compared by size first, since the file may be of any size.
        if not is_there(path, len(data)) or path.read_bytes() != data:
            yield name, data


def leads_elsewhere(checkout: Checkout, ref: str, *, takes_names: bool = False) -> bool:
    """Return whether a ref may name another commit.

    A local name that has moved is never moved back: `modelgen lock --upgrade` moves to the newer content.
    """
    if not is_local(checkout.repo) and (takes_names or checkout.by_name):
        return False
    return other_commit(checkout, ref) is not None


def other_commit(checkout: Checkout, ref: str) -> str | None:
    """Return the commit that a ref names, if it is another one whose snapshot is there."""
    path = checkout.ref(ref)
    if not is_there(path, 40):
        return None
    commit = path.read_bytes().decode(errors="replace")
    is_other = commit != checkout.commit and is_commit(commit) and (checkout.snapshot.parent / commit).is_dir()
    return commit if is_other else None
