"""Lock a hub directory for one modelgen process. The next one waits and names the holder."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
from typing import TYPE_CHECKING

from modelgen.files import ModelgenError
from modelgen.hub.modes import open_up, umask_for
from modelgen.hub.mounts import refuse_unwritable
from modelgen.lockfile.repos import OLD_FOLDER, OWN_FOLDER
from modelgen.locks import Claim, hold

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path


@contextlib.contextmanager
def held(hub: Path, command: str, say: Callable[[str], None]) -> Iterator[None]:
    """Hold the hub directory, which is made if it is not there.

    The lock ends with the process, however that ends. Who holds it is written beside it.

    Args:
        hub: The hub directory.
        command: What holds it, such as `modelgen fetch`.
        say: Told once, while another process holds it.

    Raises:
        ModelgenError: This user may not write to it.
        OSError: The directory cannot be made or written.
    """
    own = hub / OWN_FOLDER
    # Registering is no condition for anything, and says itself where it cannot be.
    refuse_unwritable(hub, [own.parent, own, *(folder for folder in own.glob("*/") if folder.name != "locks")])
    with _umask(hub):
        make_folder(own)
        with hold(Claim(hub, own / "holder.json", command, say), own / "lock"):
            _move_old_folder(hub, own)
            yield


def take_over(hub: Path, say: Callable[[str], None]) -> None:
    """Move what earlier versions kept at the root of a hub directory, where that can be."""
    if (hub / OLD_FOLDER).is_dir() and not (hub / OLD_FOLDER).is_symlink():
        with contextlib.suppress(OSError, ModelgenError), held(hub, "modelgen fetch", say):
            pass


@contextlib.contextmanager
def _umask(hub: Path) -> Iterator[None]:
    """The official client makes files and folders by it: the container's user must be able to read them."""
    before = os.umask(umask_for(hub))
    try:
        yield
    finally:
        os.umask(before)


def _move_old_folder(hub: Path, own: Path) -> None:
    """Take over what earlier versions kept in `.modelgen` at the hub's root, where `hf cache` complained about it."""
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
    """Return the command that holds a hub directory, or that was killed while it did."""
    with contextlib.suppress(OSError, ValueError, AttributeError):
        return str(json.loads((hub / OWN_FOLDER / "holder.json").read_text()).get("command"))
    return None


def make_folder(folder: Path) -> None:
    """Make a folder and those above it, open for reading whatever the umask: the container's user must look in."""
    missing = []
    while not folder.is_dir():
        missing.append(folder)
        folder = folder.parent
    for path in reversed(missing):
        path.mkdir(exist_ok=True)
        open_up(path)
