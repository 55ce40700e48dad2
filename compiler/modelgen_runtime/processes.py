"""Processes of the system and their groups: what is alive, since when, and the end of all of it."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import signal

_PAUSE = 0.02
_PROC = Path("/proc")


@functools.cache
def boot() -> str:
    """Return what tells one run of the machine from another."""
    with contextlib.suppress(OSError):
        return (_PROC / "sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
    return ""


def birth(pid: int) -> str | None:
    """Return when a process was started, or None for one that is not alive: a number alone may be somebody else's."""
    if sys.platform == "linux":
        fields = _stat(pid)
        return f"{boot()} {fields[19]}" if fields and fields[0] != "Z" else None
    found = subprocess.run(["/bin/ps", "-o", "lstart=", "-p", str(pid)], capture_output=True, text=True, check=False)
    return found.stdout.strip() or None


def has_members(group: int) -> bool:
    """Tell whether anything of a process group lives; what is dead and not yet collected does not count."""
    if sys.platform != "linux":
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(group, 0)
            return True
        return False
    for entry in os.listdir(_PROC):  # noqa: PTH208 - a hundred entries, and their names are all that is needed
        if entry.isdecimal() and (fields := _stat(int(entry))) and fields[2] == str(group) and fields[0] != "Z":
            return True
    return False


def send(group: int, number: signal.Signals) -> None:
    """Send a signal to a whole group; one that is gone needs none."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(group, number)


async def wait_until_gone(group: int) -> None:
    """Return once nothing of a process group lives."""
    while has_members(group):  # noqa: ASYNC110 - nothing tells of the end of a group
        await asyncio.sleep(_PAUSE)


async def wait_for_exit(pid: int) -> None:
    """Return once a process has ended, be it a child or not; it is not collected."""
    if not hasattr(os, "pidfd_open"):
        while birth(pid) is not None:  # noqa: ASYNC110 - nor of a stranger's here
            await asyncio.sleep(_PAUSE)
        return
    try:
        descriptor = os.pidfd_open(pid)
    except ProcessLookupError:
        return
    loop, ended = asyncio.get_running_loop(), asyncio.Event()
    loop.add_reader(descriptor, ended.set)
    try:
        await ended.wait()
    finally:
        loop.remove_reader(descriptor)
        os.close(descriptor)


def _stat(pid: int) -> list[str] | None:
    """Return the fields of /proc/PID/stat from the third on: the second, a name, may hold anything."""
    try:
        text = (_PROC / str(pid) / "stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return None
    return text.rpartition(")")[2].split()
