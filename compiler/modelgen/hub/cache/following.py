"""Resolve a path of a hub directory step by step, and never out of it.

A container sees only the hub directory: a link that leads out of it, or that has an absolute path, is broken there,
even if it works on the host.
"""

from __future__ import annotations

import errno
import os
import stat
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from io import FileIO
    from pathlib import Path

_MOST_LINKS = 40  # the limit of Linux
_CLOSED = "cannot be read"

KINDS = {
    stat.S_IFDIR: "a folder",
    stat.S_IFIFO: "a named pipe",
    stat.S_IFSOCK: "a socket",
    stat.S_IFBLK: "a device",
    stat.S_IFCHR: "a device",
    stat.S_IFLNK: "a link",
}


@dataclass(frozen=True, slots=True)
class Landing:
    """The target of a path.

    Args:
        parts: The path below the hub directory, with links resolved; the resolved part if there is no target.
        status: The status of the target; None if it does not exist or was not reached.
        fault: Why it was not reached, as in "is a link that …"; None if it is only missing.
        is_link: Whether the path contained a link.
        folders: The folders of the path, with their modes.
    """

    parts: tuple[str, ...]
    status: os.stat_result | None = None
    fault: str | None = None
    is_link: bool = False
    folders: dict[tuple[str, ...], int] = field(default_factory=dict)

    @property
    def closed_folder(self) -> str | None:
        """The folder below the hub directory that this process cannot read; None if that is not the fault."""
        is_closed = self.fault is not None and self.fault.startswith(_CLOSED)
        return "/".join(self.parts[:-1]) if is_closed else None

    @property
    def is_file(self) -> bool:
        """Return whether the target is a regular file."""
        return self.status is not None and stat.S_ISREG(self.status.st_mode)

    @property
    def is_folder(self) -> bool:
        """Return whether the target is a folder."""
        return self.status is not None and stat.S_ISDIR(self.status.st_mode)

    @property
    def kind(self) -> str:
        """The kind of the target, if it is not a regular file."""
        return KINDS.get(stat.S_IFMT(self.status.st_mode), "no file") if self.status else "missing"


def follow(hub: Path, relative: str) -> Landing:
    """Follow a path below `hub`, through links that stay below it."""
    todo, done, links = [*reversed(relative.split("/"))], list[str](), 0
    folders: dict[tuple[str, ...], int] = {}

    def land(fault: str | None = None, found: os.stat_result | None = None) -> Landing:
        return Landing(tuple(done), found, fault, links > 0, folders)

    def look(*parts: str) -> os.stat_result:
        return os.lstat(os.path.join(hub, *parts)) if parts else hub.stat()  # noqa: PTH118 - of ten thousand files

    tried: list[str] = []
    try:
        status = look()
        while todo:
            part = todo.pop()
            if part in ("", "."):
                continue
            if part == "..":
                if not done:
                    return land("is a link that leads out of the hub directory")
                done.pop()
                status = look(*done)
                continue
            if not stat.S_ISDIR(status.st_mode):
                return land()  # a file in place of a folder
            tried = [*done, part]
            found = look(*tried)
            if stat.S_ISLNK(found.st_mode):
                links += 1
                target = hub.joinpath(*tried).readlink()
                if target.is_absolute():
                    return land("is a link with an absolute path, which is broken in a container")
                if links > _MOST_LINKS:
                    return land("is a link that leads back to itself")
                todo += reversed(target.as_posix().split("/"))
                continue
            status = found
            done.append(part)
            if stat.S_ISDIR(status.st_mode):
                folders[tuple(done)] = status.st_mode
    except OSError as error:
        done = tried
        return land(None if error.errno in (errno.ENOENT, errno.ENOTDIR) else _why(error))
    return land(found=status)


def first_link(hub: Path, relative: str) -> str:
    """Return the path up to its first link; the whole path if it has none."""
    parts = relative.split("/")
    heads = ("/".join(parts[: count + 1]) for count in range(len(parts)))
    # Unlike pathlib, this also works for a folder that this process cannot read.
    return next((head for head in heads if os.path.islink(hub / head)), relative)  # noqa: PTH114


def _why(error: OSError) -> str:
    return f"{_CLOSED}: {(error.strerror or str(error)).lower()}"


def open_regular(path: Path) -> FileIO:
    """Open a regular file for reading; a pipe would block, and a device may do anything.

    Raises:
        OSError: It cannot be opened, or is not a regular file.
    """
    flags = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_BINARY", 0)
    descriptor = os.open(path, flags)
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise OSError(errno.EINVAL, "not a regular file", str(path))
    return os.fdopen(descriptor, "rb", buffering=0)
