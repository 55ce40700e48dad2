"""Move complete files to their places in the hub's layout: readable by all, synced, links last."""

from __future__ import annotations

import contextlib
import os
import sys
from typing import TYPE_CHECKING

from modelgen.files import STAGED, ModelgenError, Staged, sync
from modelgen.hub.cache.aside import set_aside
from modelgen.hub.cache.hashing import in_parallel
from modelgen.hub.cache.holding import make_folder
from modelgen.hub.cache.layout import own_ref
from modelgen.hub.cache.modes import open_up, widen
from modelgen.hub.cache.small_files import is_there, listing, other_commit, wrong_small_files

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from modelgen.hub.cache.layout import Checkout
    from modelgen.lockfile.entries import File

_SYNCED_AT_ONCE = 16


def place(content: Path, checkout: Checkout, file: File, *, links: bool) -> None:
    """Move a complete and synced content to its place: a blob with a link, or the file itself without links.

    Raises:
        OSError: The hub directory cannot be written.
    """
    open_up(content)
    pointer = checkout.pointer(file)
    make_folder(pointer.parent)
    if not links:
        content.replace(pointer)
        return
    blob = checkout.blob(file)
    make_folder(blob.parent)
    content.replace(blob)
    link(checkout, file)


def link(checkout: Checkout, file: File) -> None:
    """Link to an existing blob atomically, since two processes may do so at once."""
    pointer = checkout.pointer(file)
    make_folder(pointer.parent)
    staged = pointer.with_name(f"{pointer.name}{STAGED}")
    with contextlib.suppress(FileNotFoundError):
        staged.unlink()
    staged.symlink_to(os.path.relpath(checkout.blob(file), pointer.parent))
    staged.replace(pointer)


def finish(checkout: Checkout, *, takes_names: bool) -> None:
    """Sync a complete checkout, then write its refs and listing, so that no incomplete snapshot has a name.

    Args:
        checkout: The checkout.
        takes_names: See `small_files`.

    Raises:
        OSError: The hub directory cannot be written.
    """
    folders = {checkout.folder, checkout.folder / "blobs", checkout.snapshot}
    for file in checkout.files.values():
        pointer = checkout.pointer(file)
        folders.update(parent for parent in pointer.parents if parent.is_relative_to(checkout.snapshot))
    # A journaling file system commits many files as fast as one.
    list(in_parallel(open_and_sync, map(checkout.pointer, checkout.files.values()), _SYNCED_AT_ONCE))
    sync_folders(folder for folder in folders if folder.is_dir())
    _write_small_files(checkout, dict(wrong_small_files(checkout, takes_names=takes_names)))


def move_ref(checkout: Checkout, name: str) -> None:
    """Set a ref to the commit of a checkout."""
    _write_small_files(checkout, {f"refs/{name}": checkout.commit.encode()})


def _write_small_files(checkout: Checkout, wrong: dict[str, bytes]) -> None:
    """Write refs and the listing; a commit that loses a name gets modelgen's own ref, against `hf cache prune`."""
    names = [path.removeprefix("refs/") for path in wrong if path.startswith("refs/")]
    kept = {commit for name in names if (commit := other_commit(checkout, name)) is not None}
    wrong = {f"refs/{own_ref(commit)}": commit.encode() for commit in kept} | wrong
    for name in wrong:
        make_folder((checkout.folder / name).parent)
    staged = Staged(checkout.folder, wrong)
    try:
        for name in wrong:
            staged.publish(name)
            open_up(checkout.folder / name)
    finally:
        staged.discard()


def write_listing(checkout: Checkout) -> None:
    """Write the listing of a checkout before its files are downloaded."""
    make_folder(checkout.tree.parent)
    data = {checkout.tree.name: listing(checkout)}
    staged = Staged(checkout.tree.parent, data)
    try:
        staged.publish(checkout.tree.name)
        open_up(checkout.tree)
    finally:
        staged.discard()


def open_and_sync(path: Path) -> None:
    """Make a file readable for all and sync it: after a power cut, no final name may have partial content."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        if sys.platform != "win32":
            widen(path, descriptor)
            sync(descriptor)
    finally:
        os.close(descriptor)


def sync_folders(folders: Iterable[Path]) -> None:
    """Sync folders; Windows has no such call and needs none."""
    if sys.platform == "win32":
        return
    for folder in folders:
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            widen(folder, descriptor)
            sync(descriptor)
        finally:
            os.close(descriptor)


def clear_way(checkout: Checkout, file: File) -> None:
    """Move aside a wrong file in the place of a locked one, since the client accepts any file there.

    A link may lead to the blob of another file, so only files with the file's own name are moved.

    Raises:
        ModelgenError: It is a folder.
    """
    pointer, blob = checkout.pointer(file), checkout.blob(file)
    if pointer.is_dir() and not pointer.is_symlink():
        raise ModelgenError(f"{pointer} is a folder in the place of a file; run `modelgen verify --fix`")
    set_aside(checkout.hub, pointer.relative_to(checkout.hub).as_posix())
    if not is_there(blob, file.size):
        set_aside(checkout.hub, blob.relative_to(checkout.hub).as_posix())


def set_damaged_aside(checkout: Checkout, file: File) -> None:
    """Move a damaged file aside: it may have been edited on purpose."""
    for path in (checkout.pointer(file), checkout.blob(file)):
        set_aside(checkout.hub, path.relative_to(checkout.hub).as_posix())


def discard(checkout: Checkout, file: File) -> None:
    """Remove a file that was just downloaded with wrong content, so that it is fetched again."""
    checkout.pointer(file).unlink(missing_ok=True)
    checkout.blob(file).unlink(missing_ok=True)
