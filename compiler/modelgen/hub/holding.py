"""One modelgen at a time in a hub directory; the second waits and says who holds it."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import socket
import time
from typing import TYPE_CHECKING, Any

from filelock import FileLock, Timeout

from modelgen.lockfile.repos import OWN_FOLDER

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

_OLD_FOLDER = ".modelgen"


@contextlib.contextmanager
def held(hub: Path, command: str, say: Callable[[str], None]) -> Iterator[None]:
    """Hold the hub directory, which is made if it is not there.

    The lock ends with the process, however that ends. Who holds it is written beside it.

    Args:
        hub: The hub directory.
        command: What holds it, such as `modelgen fetch`.
        say: Told once, while another process holds it.

    Raises:
        OSError: The directory cannot be made or written.
    """
    own = hub / OWN_FOLDER
    make_folder(own)
    lock, holder = FileLock(own / "lock", mode=0o644), own / "holder.json"
    try:
        lock.acquire(timeout=0)
    except Timeout:
        say(f"waiting for {_describe(holder)}, which holds {hub}")
        lock.acquire()
    try:
        _move_old_folder(hub, own)
        holder.write_text(json.dumps({"command": command, "pid": os.getpid(), "host": socket.gethostname()}))
        yield
    finally:
        with contextlib.suppress(OSError):
            holder.unlink()
        lock.release()


def _move_old_folder(hub: Path, own: Path) -> None:
    """Take over what earlier versions kept in `.modelgen` at the hub's root, where `hf cache` complained about it."""
    old = hub / _OLD_FOLDER
    if old.is_symlink() or not old.is_dir():
        return
    for name in ("assets", "partial", "seen.json"):
        if (old / name).exists() and not (own / name).exists():
            (old / name).rename(own / name)
    shutil.rmtree(old, ignore_errors=True)


def holding_command(hub: Path) -> str | None:
    """Return the command that holds a hub directory, or that was killed while it did."""
    with contextlib.suppress(OSError, ValueError, AttributeError):
        return str(json.loads((hub / OWN_FOLDER / "holder.json").read_text()).get("command"))
    return None


def _describe(holder: Path) -> str:
    found: Any = {}
    for _ in range(5):  # it is written just after the lock is taken
        with contextlib.suppress(OSError, ValueError):
            found = json.loads(holder.read_text())
            break
        time.sleep(0.02)
    if not isinstance(found, dict) or "pid" not in found:
        return "another process"
    return f"`{str(found.get('command'))[:40]}` (process {found['pid']} on {str(found.get('host'))[:60]})"


def make_folder(folder: Path) -> None:
    """Make a folder and those above it, open for reading whatever the umask: the container's user must look in."""
    missing = []
    while not folder.is_dir():
        missing.append(folder)
        folder = folder.parent
    for path in reversed(missing):
        path.mkdir(exist_ok=True)
        path.chmod(0o755)
