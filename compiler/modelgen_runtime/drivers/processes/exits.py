"""Wait for the exit of a process: by its pidfd on Linux, by polling elsewhere."""

from __future__ import annotations

import asyncio
import os

_POLL_SECONDS = 0.02


def watch_exit(pid: int) -> asyncio.Future[int | None]:
    """Return a future with the exit code of a process. Cancelling it ends the watch.

    The code is negative for a signal, and None for a process that is not a child of this one. A child is reaped.
    """
    loop = asyncio.get_running_loop()
    try:
        descriptor = os.pidfd_open(pid)
    except (AttributeError, OSError):  # not Linux; or a kernel or sandbox without it; or the process has ended
        return loop.create_task(_poll(pid), name=f"exit of {pid}")
    ended: asyncio.Future[int | None] = loop.create_future()

    def settle() -> None:
        loop.remove_reader(descriptor)
        if not ended.done():
            ended.set_result(reap(pid))

    def let_go(_: object) -> None:
        loop.remove_reader(descriptor)
        os.close(descriptor)

    loop.add_reader(descriptor, settle)
    ended.add_done_callback(let_go)
    return ended


def reap(pid: int) -> int | None:
    """Return the exit code of a child; None if it still runs, or is not a child of this process."""
    try:
        found, status = os.waitpid(pid, os.WNOHANG)
    except ChildProcessError:
        return None
    return os.waitstatus_to_exitcode(status) if found else None


async def _poll(pid: int) -> int | None:
    while True:
        if (code := reap(pid)) is not None:
            return code
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            return None
        await asyncio.sleep(_POLL_SECONDS)
