"""The process table of Linux, from /proc (proc(5))."""

from __future__ import annotations

import errno
import os
from pathlib import Path

_PROC = Path("/proc")


def identify(pid: int) -> str | None:
    """Return the identity of a living process, which no other process with the same pid ever had, or None.

    That is the boot and the time since then: the ticks alone repeat, for early processes start alike at every boot.
    """
    fields = _read_stat(pid)
    return None if fields is None or _has_ended(fields) else f"{_boot()}/{fields[19]}"


def list_group(group: int) -> list[int]:
    """Return the living processes of a group whose leader is also a session leader, as the ones started here are."""
    wanted = str(group)
    found = []
    for entry in _PROC.iterdir():
        if entry.name.isdecimal():
            fields = _read_stat(int(entry.name))
            if fields is not None and fields[2] == fields[3] == wanted and not _has_ended(fields):
                found.append(int(entry.name))
    return found


FINDS_MARKED = True


def list_marked(variable: str, prefix: str) -> dict[int, str]:
    """Return the living processes with a variable of this prefix in their environment, with its value."""
    found = {}
    for name in os.listdir(_PROC):  # noqa: PTH208 - it is read at each stop, and a machine may have thousands
        if name.isdecimal() and (value := read_mark(int(name), variable)) is not None and value.startswith(prefix):
            found[int(name)] = value
    return found


def read_mark(pid: int, variable: str) -> str | None:
    """Return a variable of a living process's initial environment, if it is readable."""
    try:
        with open(f"/proc/{pid}/environ", "rb", buffering=0) as file:  # noqa: PTH123 - see `list_marked`
            data = b"\0" + file.read()
    except OSError as error:  # it has ended, or belongs to another user
        if error.errno in (errno.EMFILE, errno.ENFILE):
            raise  # must not be mistaken for its end
        return None
    _, found, rest = data.partition(b"\0%b=" % variable.encode())
    return rest.partition(b"\0")[0].decode(errors="replace") if found else None


def is_of_this_boot(identity: str) -> bool:
    """Return whether a process was identified since the last boot. Older pids are meaningless."""
    return identity.startswith(f"{_boot()}/")


def _boot() -> str:
    return (_PROC / "sys/kernel/random/boot_id").read_text().strip()


def _has_ended(fields: list[str]) -> bool:
    return fields[0] in {"Z", "X"}


def _read_stat(pid: int) -> list[str] | None:
    """Return the fields from the state on. Earlier ones contain the program's name, with arbitrary characters."""
    try:
        text = (_PROC / str(pid) / "stat").read_text(errors="replace")
    except (FileNotFoundError, ProcessLookupError):
        return None
    return text.rpartition(")")[2].split()
