"""Lock files and output directories between processes, also on file systems without locks.

`flock` is tried first, since it ends with its process. Many file systems refuse it: NFS without a lock daemon (ENOLCK)
or on a read-only descriptor (EBADF), Lustre without `-o flock` (ENOSYS), FUSE (EOPNOTSUPP, EINVAL). There a marker
file, created exclusively, takes its place. It names its process, so that the next one can check whether that still
runs.
"""

from __future__ import annotations

import contextlib
import errno
import os
import sys
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from modelgen import shortfalls
from modelgen.lock_holders import Holder

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

_POLL = 0.2
_BINARY: int = getattr(os, "O_BINARY", 0)


@dataclass(frozen=True)
class Claim:
    """A lock that a process wants to hold exclusively.

    Args:
        place: The directory, for messages.
        marker: A file that names the holder. Where files cannot be locked, it is the lock itself.
        command: The command that needs the lock, such as `modelgen fetch`.
        say: Called once with a message if another process holds the lock.
    """

    place: Path
    marker: Path
    command: str
    say: Callable[[str], None]

    def waiting(self) -> str:
        """Return the message of a process that waits for the holder."""
        holder = None
        for _ in range(5):  # the marker is written just after the lock is taken
            if (holder := Holder.read(self.marker)) is not None:
                break
            time.sleep(0.02)
        return f"waiting for {holder or 'another process'}, which holds {self.place}"


@contextlib.contextmanager
def hold(claim: Claim, lock: Path) -> Iterator[None]:
    """Lock a file, which is created if missing and kept afterwards.

    Raises:
        OSError: It cannot be written.
    """
    descriptor = _open(lock)
    me = Holder.current(claim.command)
    try:
        if _lock(descriptor, lambda: claim.say(claim.waiting())):
            _describe(claim.marker, me)
        else:
            _create(claim, me)
        try:
            yield
        finally:
            _remove(claim.marker, me)
    finally:
        os.close(descriptor)


@contextlib.contextmanager
def hold_folder(claim: Claim) -> Iterator[None]:
    """Lock a folder itself, so that no file is left in it; where folders cannot be locked, the marker is the lock.

    Raises:
        OSError: It cannot be written.
    """
    if sys.platform == "win32":
        lock = claim.marker.with_name(f"{claim.marker.name}-file")
        with hold(claim, lock):
            yield
        with contextlib.suppress(OSError):
            lock.unlink()
        return
    descriptor = os.open(claim.place, os.O_RDONLY)
    me = Holder.current(claim.command)
    try:
        if not _lock(descriptor, lambda: None):
            _create(claim, me)
        try:
            yield
        finally:
            _remove(claim.marker, me)
    finally:
        os.close(descriptor)


def is_held(lock: Path) -> bool | None:
    """Return whether a process has locked a file, which is created if missing; None where files cannot be locked."""
    descriptor = _open(lock)
    try:
        return not _try_lock(descriptor)
    except OSError:
        return None
    finally:
        os.close(descriptor)


def _open(lock: Path) -> int:
    try:
        return os.open(lock, os.O_RDWR | os.O_CREAT | _BINARY, 0o664)
    except OSError as error:
        if error.errno not in (errno.EACCES, errno.EPERM, errno.EROFS):
            raise
        return os.open(lock, os.O_RDONLY | _BINARY)  # another user's file; most file systems lock it all the same


def _lock(descriptor: int, on_wait: Callable[[], None]) -> bool:
    """Lock an open file, without a time limit; return whether the file system supports it."""
    try:
        if not _try_lock(descriptor):
            on_wait()
            _wait_for_lock(descriptor)
    except OSError:
        return False  # any errno: a broken disk refuses the marker too
    return True


if sys.platform == "win32":
    import msvcrt

    def _try_lock(descriptor: int) -> bool:
        os.lseek(descriptor, 0, os.SEEK_SET)
        try:
            msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
        except PermissionError:
            return False
        return True

    def _wait_for_lock(descriptor: int) -> None:
        while not _try_lock(descriptor):  # LK_LOCK gives up after ten seconds
            time.sleep(_POLL)

else:
    import fcntl

    def _try_lock(descriptor: int) -> bool:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            if error.errno not in (errno.EAGAIN, errno.EACCES):  # CIFS says EACCES when another process holds it
                raise
            return False
        return True

    def _wait_for_lock(descriptor: int) -> None:
        fcntl.flock(descriptor, fcntl.LOCK_EX)


def _describe(marker: Path, me: Holder) -> None:
    """Write the holder of a lock to its marker, for messages only; replace another user's marker."""
    with contextlib.suppress(OSError):
        marker.unlink(missing_ok=True)
        marker.write_bytes(me.encode())


def _create(claim: Claim, me: Holder) -> None:
    """Create a marker as soon as there is none, or only one of a process that has ended."""
    shortfalls.note(
        "lock",
        f"the file system of {claim.place} cannot lock files; {claim.marker.name} kept other processes of modelgen out",
    )
    was_reported = False
    while True:
        try:
            with claim.marker.open("xb") as file:
                file.write(me.encode())
        except FileExistsError:
            holder = Holder.read(claim.marker)
            if holder is not None and holder.is_gone:
                _take_away(claim.marker, holder)
                continue
            if not was_reported:
                claim.say(f"{claim.waiting()}; if that process no longer runs, remove {claim.marker}")
                was_reported = True
            time.sleep(_POLL)
        else:
            return


def _remove(marker: Path, me: Holder) -> None:
    if Holder.read(marker) == me:
        with contextlib.suppress(OSError):
            marker.unlink()


def _take_away(marker: Path, gone: Holder) -> None:
    """Remove the marker of a process that has ended; another process may do so at the same time and create its own."""
    aside = marker.with_name(f"{marker.name}.{os.getpid()}")
    try:
        marker.rename(aside)
    except FileNotFoundError:
        return
    if Holder.read(aside) != gone and not marker.exists():
        aside.rename(marker)
    else:
        aside.unlink()
