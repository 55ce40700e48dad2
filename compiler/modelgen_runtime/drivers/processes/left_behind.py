"""Find processes that left their engine's process group by a mark in their inherited environment.

A worker that calls `setsid` is not reached by a signal to the group, and holds the card after its engine has gone. The
mark finds engines, too, whose record could not be written before the orchestrator was killed.
"""

from __future__ import annotations

import asyncio
import hashlib
import logging
import os
import signal
from typing import TYPE_CHECKING

from modelgen_runtime.drivers.driver import DriverError
from modelgen_runtime.drivers.processes.groups import KILL_SECONDS
from modelgen_runtime.drivers.processes.table import list_marked, read_mark

if TYPE_CHECKING:
    from pathlib import Path

VARIABLE = "MODELGEN_ENGINE"
_POLL_SECONDS = 0.02
_LOG = logging.getLogger(__name__)


def mark(directory: Path, generation: str = "") -> str:
    """Return the mark of one start, or without a generation the prefix of the marks of all starts of a directory."""
    return f"{hashlib.sha256(os.fsencode(directory.resolve())).hexdigest()[:16]}.{generation}"


async def end_left_behind(model: str, wanted: str) -> None:
    """Kill the living processes with a mark; return once none is left.

    Raises:
        DriverError: Something of it lives on.
    """
    logged: set[int] = set()
    try:
        async with asyncio.timeout(KILL_SECONDS):
            while living := list_marked(VARIABLE, wanted):
                if new := living.keys() - logged:
                    _LOG.warning(
                        "%s left processes outside of its process group, which are being stopped: %s", model, new
                    )
                    logged |= new
                for pid, found in living.items():
                    _kill(pid, found)
                await asyncio.sleep(_POLL_SECONDS)
    except TimeoutError as error:
        raise DriverError(
            f"the processes {sorted(list_marked(VARIABLE, wanted))}, which it left behind outside of its group, did "
            f"not end within {KILL_SECONDS:g} s of SIGKILL; the kernel or a driver holds them: look at `dmesg`"
        ) from error


def _kill(pid: int, wanted: str) -> None:
    """Kill a process with a mark, and never another one that reuses its pid."""
    try:
        descriptor: int | None = os.pidfd_open(pid)
    except ProcessLookupError:
        return
    except (AttributeError, OSError):  # a kernel or sandbox without pidfd: the mark is checked right before
        descriptor = None
    try:
        if read_mark(pid, VARIABLE) != wanted:
            return
        if descriptor is None:
            os.kill(pid, signal.SIGKILL)
        else:
            signal.pidfd_send_signal(descriptor, signal.SIGKILL)
    except OSError as error:
        _LOG.debug("process %s cannot be ended: %s", pid, error)
    finally:
        if descriptor is not None:
            os.close(descriptor)
