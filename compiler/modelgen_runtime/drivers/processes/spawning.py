"""Start the process of an engine. It is held until it is recorded, so that no unknown process ever runs."""

from __future__ import annotations

import os
import shutil
import signal
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from modelgen_runtime.drivers.driver import DriverError
from modelgen_runtime.drivers.processes.inheritance import inherited

if TYPE_CHECKING:
    from collections.abc import Mapping

    from modelgen_runtime.manifest import Process

# The shell waits for a line before it becomes the engine, with the same pid. If the orchestrator is killed before it
# has written its record, the line never comes, the pipe ends and so does the shell. The engine reads nothing from it.
_HELD = 'IFS= read -r _ && cd -- "$1" && shift && exec "$@"'
_DEFAULTS = (signal.SIGPIPE, signal.SIGXFSZ, signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


@dataclass(frozen=True, slots=True)
class Held:
    """A process, leader of its group and session, that waits for `release`."""

    pid: int
    barrier: int

    def release(self) -> None:
        """Let it execute the engine."""
        try:
            os.write(self.barrier, b"\n")
        except BrokenPipeError:
            pass  # it was killed, which the watch reports
        finally:
            os.close(self.barrier)

    def abandon(self) -> None:
        """Kill it, since it cannot be recorded."""
        os.close(self.barrier)
        os.killpg(self.pid, signal.SIGKILL)
        os.waitpid(self.pid, 0)


def spawn_held(process: Process, port: int, log: int) -> Held:
    """Start a process that is held before it executes the engine.

    Args:
        process: What to run.
        port: Replaces `{port}`.
        log: Descriptor of a file for its output. A pipe would break when the orchestrator is killed.

    Raises:
        DriverError: It cannot run.
    """
    environment = inherited(os.environ) | {name: _fill(value, port) for name, value in process.environment.items()}
    arguments = [_fill(argument, port) for argument in process.arguments]
    directory = Path(process.directory or ".").absolute()
    _check(arguments, directory, environment)
    waiting, barrier = os.pipe()
    files = [(os.POSIX_SPAWN_DUP2, waiting, 0), (os.POSIX_SPAWN_DUP2, log, 1), (os.POSIX_SPAWN_DUP2, log, 2)]
    command = ["/bin/sh", "-c", _HELD, "modelgen", str(directory), *arguments]
    try:
        pid = os.posix_spawn(
            command[0], command, environment, file_actions=files, setsid=True, setsigmask=(), setsigdef=_DEFAULTS
        )
    except (OSError, ValueError) as error:  # too long, out of processes, or a zero byte in an argument
        os.close(barrier)
        raise DriverError(f"the system refuses to run `{arguments[0]}`: {error}") from error
    finally:
        os.close(waiting)
    return Held(pid, barrier)


def check_process(process: Process) -> None:
    """Check whether a process can run, without running anything.

    Raises:
        DriverError: It could not.
    """
    path = process.environment.get("PATH", os.environ.get("PATH", os.defpath))
    arguments = [_fill(argument, 0) for argument in process.arguments]
    _check(arguments, Path(process.directory or ".").absolute(), {"PATH": path})


def _fill(text: str, port: int) -> str:
    """Return an argument or a variable as the engine gets it. A leading `~/` is the home of the current user."""
    text = text.replace("{port}", str(port))
    return os.path.expanduser(text) if text.startswith("~/") else text  # noqa: PTH111 - a text, not yet a path


def _check(arguments: list[str], directory: Path, environment: Mapping[str, str]) -> None:
    """Raise an error for what is missing; the shell could only exit with 126 or 127."""
    if not arguments:
        raise DriverError("its command is empty: name a program in models.toml")
    if not directory.is_dir():
        raise DriverError(f"there is no directory {directory} to run it in")
    program = arguments[0]
    place = str(directory / program) if "/" in program else program
    if shutil.which(place, path=environment.get("PATH", os.defpath)) is None:
        where = "that can be run" if "/" in program else "on PATH"
        raise DriverError(f"there is no program `{program}` {where}: install it, or name another one in models.toml")
