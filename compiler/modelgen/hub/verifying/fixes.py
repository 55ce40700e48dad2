"""Implement `verify --fix`: link files, move bad ones aside, write small ones, open modes."""

from __future__ import annotations

import contextlib
import os
import shutil
import stat
from typing import TYPE_CHECKING

from modelgen.files import STAGED, Staged
from modelgen.hub.cache.aside import move_aside, set_aside
from modelgen.hub.cache.following import follow, open_regular
from modelgen.hub.cache.hashing import Digest
from modelgen.hub.cache.holding import make_folder
from modelgen.hub.cache.modes import missing_bits, open_up
from modelgen.hub.cache.mounts import how_to_open
from modelgen.hub.verifying.problems import Drop, Link, Open, Remedy, Remove, Unite, Write

if TYPE_CHECKING:
    from pathlib import Path

    from modelgen.lockfile.entries import File


class RefusedError(Exception):
    """This process cannot make the change; the message names the next step."""


def apply(hub: Path, remedy: Remedy) -> bool:
    """Apply a remedy; return False if a fetch must follow.

    Raises:
        RefusedError: A mode cannot be changed.
        OSError: The hub directory cannot be written.
    """
    match remedy:
        case Open():
            _open(hub, remedy)
        case Write():
            _write(hub, remedy)
        case Remove():
            move_aside(hub, remedy.path)
        case Unite():
            # Neither is replaced by the other unless both are correct.
            done = [_is_intact(hub, link.path, link.file) and _relink(hub, link) for link in remedy.files]
            return all(done)
        case Link():
            return _relink(hub, remedy)
        case Drop():
            return _drop(hub, remedy)
    return True


def _drop(hub: Path, remedy: Drop) -> bool:
    blob, is_of_file = remedy.blob, remedy.path.endswith(f"/{remedy.file.path}")
    if blob is not None and is_of_file and _is_intact(hub, blob, remedy.file):
        set_aside(hub, remedy.path)
        return _link(hub, Link(remedy.path, blob, remedy.file))
    set_aside(hub, remedy.path)
    if blob is not None and not _is_intact(hub, blob, remedy.file):
        set_aside(hub, blob)
    return False


def _relink(hub: Path, remedy: Link) -> bool:
    return _is_intact(hub, remedy.blob, remedy.file) and _link(hub, remedy)


def _link(hub: Path, remedy: Link) -> bool:
    """Link to a blob in a snapshot; without symbolic links, by a hard link or a copy."""
    folder, _, name = remedy.path.rpartition("/")
    make_folder(hub / folder)
    landing, blob = follow(hub, folder), hub / remedy.blob
    if landing.is_link or not landing.is_folder:
        return False
    parent = hub.joinpath(*landing.parts)
    staged = parent / f"{name}{STAGED}"
    staged.unlink(missing_ok=True)
    try:
        staged.symlink_to(os.path.relpath(blob, parent))
    except OSError:
        try:
            os.link(blob, staged)
        except OSError:
            shutil.copyfile(blob, staged)
    staged.replace(parent / name)
    return True


def _open(hub: Path, remedy: Open) -> None:
    landing = follow(hub, remedy.path)
    if landing.status is None or landing.is_link:
        return
    path = hub.joinpath(*landing.parts)
    before = stat.S_IMODE(landing.status.st_mode)
    with contextlib.suppress(OSError):  # chmod may do nothing, so check the mode afterwards
        path.chmod(before | remedy.bits)
    if missing_bits(path.stat().st_mode):
        raise RefusedError(f"cannot change it: {how_to_open(path)}")


def _write(hub: Path, remedy: Write) -> None:
    folder, _, name = remedy.path.rpartition("/")
    if (landing := follow(hub, folder)).fault is not None:
        raise OSError(None, landing.fault, str(hub / folder))
    set_aside(hub, remedy.path)
    parent = hub.joinpath(*landing.parts) if landing.is_folder else hub / folder
    make_folder(parent)
    staged = Staged(parent, {name: remedy.data})
    try:
        staged.publish(name)
        open_up(parent / name)
    finally:
        staged.discard()


def _is_intact(hub: Path, path: str, file: File) -> bool:
    landing = follow(hub, path)
    if landing.status is None or not landing.is_file or landing.status.st_size != file.size:
        return False
    digest = Digest(None if file.sha256 else file.size)
    try:
        with open_regular(hub.joinpath(*landing.parts)) as opened:
            digest.add_open(opened)
    except OSError:
        return False
    return digest.hex() == file.etag
