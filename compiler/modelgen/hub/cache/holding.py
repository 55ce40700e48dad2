"""Lock a hub directory for one modelgen process. The next one waits and names the holder."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
from typing import TYPE_CHECKING

from modelgen.files import ModelgenError
from modelgen.hub.cache.modes import open_up, umask_for
from modelgen.hub.cache.mounts import refuse_unwritable
from modelgen.lockfile.repos import OLD_FOLDER, OWN_FOLDER
from modelgen.locks import Claim, hold

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path


@contextlib.contextmanager
def held(hub: Path, command: str, say: Callable[[str], None]) -> Iterator[None]:
    """Lock the hub directory, which is created if missing.

    The lock ends with the process, however that ends. A file beside it names the holder.

    Args:
        hub: The hub directory.
        command: The command, such as `modelgen fetch`.
        say: Called once with a message if another process holds the lock.

    Raises:
        ModelgenError: This user cannot write to it.
        OSError: The directory cannot be created or written.
    """
    own = hub / OWN_FOLDER
    # Commands work without the registry, and registering reports its own failures.
    refuse_unwritable(hub, [own.parent, own, *(folder for folder in own.glob("*/") if folder.name != "locks")])
    with _umask(hub):
        make_folder(own)
        with hold(Claim(hub, own / "holder.json", command, say), own / "lock"):
            _move_old_folder(hub, own)
            yield


def take_over(hub: Path, say: Callable[[str], None]) -> None:
    """Move the files of earlier versions from the root of a hub directory, if possible."""
    if (hub / OLD_FOLDER).is_dir() and not (hub / OLD_FOLDER).is_symlink():
        with contextlib.suppress(OSError, ModelgenError), held(hub, "modelgen fetch", say):
            pass


@contextlib.contextmanager
def _umask(hub: Path) -> Iterator[None]:
    """Set the umask for the official client's files, which the container's user must be able to read."""
    before = os.umask(umask_for(hub))
    try:
        yield
    finally:
        os.umask(before)


def _move_old_folder(hub: Path, own: Path) -> None:
    """Move files of earlier versions out of `.modelgen` at the hub's root, about which `hf cache` warns."""
    old = hub / OLD_FOLDER
    if old.is_symlink() or not old.is_dir():
        return
    for path in [old / "seen.json", *old.glob("assets/*"), *old.glob("partial/*/*")]:
        target = own / path.relative_to(old)
        if path.exists() and not target.exists():
            make_folder(target.parent)
            path.rename(target)
    shutil.rmtree(old, ignore_errors=True)


def holding_command(hub: Path) -> str | None:
    """Return the command that holds the lock of a hub directory, or that was killed while it did."""
    with contextlib.suppress(OSError, ValueError, AttributeError):
        return str(json.loads((hub / OWN_FOLDER / "holder.json").read_text()).get("command"))
    return None


def make_folder(folder: Path) -> None:
    """Create a folder and its parents, readable whatever the umask, for the container's user."""
    missing = []
    while not folder.is_dir():
        missing.append(folder)
        folder = folder.parent
    for path in reversed(missing):
        path.mkdir(exist_ok=True)
        open_up(path)
