"""How a whole process group is ended, so that no worker of an engine keeps its memory or its port."""

from __future__ import annotations

import asyncio
import os
import signal
from typing import TYPE_CHECKING

from modelgen_runtime.driver import DriverError
from modelgen_runtime.processes.table import list_group

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

KILL_SECONDS = 10.0  # that a process may take to end after SIGKILL; a card's driver may hold it for some time


async def end_group(group: int, grace: float, emptied: Callable[[], Awaitable[object]]) -> None:
    """End a group by SIGTERM and, after a grace, by SIGKILL; return once nothing of it lives.

    Args:
        group: Number of the group and of its leader.
        grace: Seconds.
        emptied: Waits until nothing of it lives.

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
    """Send a signal to a group; one that has ended already is none to send to.

    Raises:
        DriverError: The system forbids it.
    """
    try:
        os.killpg(group, number)
    except ProcessLookupError:
        return
    except PermissionError as error:  # macOS says so of a group whose processes have all ended, too
        if living := list_group(group):
            raise DriverError(f"the processes {living} run as another user and cannot be ended") from error


async def wait_until_empty(group: int) -> None:
    """Wait until nothing of a group lives."""
    delay = 0.001
    while _has_living(group):
        await asyncio.sleep(delay)
        delay = min(2 * delay, 0.05)


def _has_living(group: int) -> bool:
    """Return whether anything of a group lives; ended processes that nobody reaped, as in a container, do not count."""
    try:
        os.killpg(group, 0)
    except ProcessLookupError:  # the usual case, without a look at every process of the machine
        return False
    except PermissionError:
        pass
    return bool(list_group(group))


async def _within(seconds: float, emptied: Callable[[], Awaitable[object]]) -> None:
    async with asyncio.timeout(seconds):
        await emptied()
