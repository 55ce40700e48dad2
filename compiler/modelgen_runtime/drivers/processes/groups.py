"""Stop whole process groups, so that no worker of an engine keeps its memory or port."""

from __future__ import annotations

import asyncio
import os
import signal
from typing import TYPE_CHECKING

from modelgen_runtime.drivers.driver import DriverError
from modelgen_runtime.drivers.processes.table import list_group

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

KILL_SECONDS = 10.0  # for a process to exit after SIGKILL; a GPU driver may delay it


async def end_group(group: int, grace: float, emptied: Callable[[], Awaitable[object]]) -> None:
    """Stop a group by SIGTERM and, after a grace period, by SIGKILL; return once it is empty.

    Args:
        group: Pid of the leader, which is the id of the group.
        grace: Grace period in seconds.
        emptied: Waits until the group is empty.

    Raises:
        DriverError: Something of it lives on.
    """
    for number, seconds in ((signal.SIGTERM, grace), (signal.SIGKILL, KILL_SECONDS)):
        signal_group(group, number)
        try:
            return await _within(seconds, emptied)
        except TimeoutError:
            continue
    raise DriverError(
        f"process group {group} did not end within {KILL_SECONDS:g} s of SIGKILL (living: {list_group(group)}); the "
        "kernel or a driver holds it: look at `dmesg`, a restart of the machine may be needed"
    )


def signal_group(group: int, number: signal.Signals) -> None:
    """Send a signal to a group, unless it has ended.

    Raises:
        DriverError: The system forbids it.
    """
    try:
        os.killpg(group, number)
    except ProcessLookupError:
        return
    except PermissionError as error:  # macOS also raises it for a group whose processes have all ended
        if living := list_group(group):
            raise DriverError(f"the processes {living} run as another user and cannot be ended") from error


async def wait_until_empty(group: int) -> None:
    """Wait until a group is empty."""
    delay = 0.001
    while _has_living(group):
        await asyncio.sleep(delay)
        delay = min(2 * delay, 0.05)


def _has_living(group: int) -> bool:
    """Return whether a group has living processes. Zombies, as in a container without init, do not count."""
    try:
        os.killpg(group, 0)
    except ProcessLookupError:  # the usual case, without a scan of all processes
        return False
    except PermissionError:
        pass
    return bool(list_group(group))


async def _within(seconds: float, emptied: Callable[[], Awaitable[object]]) -> None:
    async with asyncio.timeout(seconds):
        await emptied()
