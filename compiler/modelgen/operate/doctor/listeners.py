"""Find the process that listens on a port, from /proc on Linux."""

from __future__ import annotations

import contextlib
import itertools
import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from modelgen.operate.doctor.host import Host

_LISTENS = "0A"  # TCP_LISTEN (include/net/tcp_states.h)
_WORDS, _MOST = 3, 80


def find_listener(host: Host, port: int) -> str | None:
    """Return the process that listens on a port, such as `nginx (pid 812)`; None if it is hidden or there is none."""
    sockets = {f"socket:[{inode}]" for inode in _inodes(host, port)}
    if not sockets:
        return None
    with contextlib.suppress(OSError):
        for process in sorted(host.path("/proc").iterdir()):
            if process.name.isdigit() and sockets & set(_open_files(process / "fd")):
                return f"{_name(host, process.name)} (pid {process.name})"
    return None


def _inodes(host: Host, port: int) -> Iterator[str]:
    for table in ("/proc/net/tcp", "/proc/net/tcp6"):
        for line in (host.read(table) or "").splitlines()[1:]:
            words = line.split()
            if len(words) > 9 and words[3] == _LISTENS and words[1].rpartition(":")[2] == f"{port:04X}":
                yield words[9]


def _open_files(folder: os.PathLike[str]) -> list[str]:
    """Return the open files of a process; empty for a process of another user."""
    found = []
    with contextlib.suppress(OSError), os.scandir(folder) as entries:
        for entry in entries:
            with contextlib.suppress(OSError):
                found.append(os.readlink(entry.path))  # noqa: PTH115 - thousands of them
    return found


def _name(host: Host, pid: str) -> str:
    """Return the beginning of a process's command line, without options, which may hold secrets.

    The name alone is not enough for Python or Java.
    """
    words = (host.read(f"/proc/{pid}/cmdline") or "").split("\0")
    plain = itertools.takewhile(lambda word: word == "-m" or not word.startswith("-"), words[1:_WORDS])
    shown = [os.path.basename(words[0]), *plain]  # noqa: PTH119 - a word of a command line
    name = " ".join(word for word in shown if word) or (host.read(f"/proc/{pid}/comm") or "a process").strip()
    return "".join(c if c.isprintable() else "?" for c in name)[:_MOST]
