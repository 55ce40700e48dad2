"""Run a program of the host and read its output, within a few seconds."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_MOST = 4 << 20
"""Maximum bytes that are read from a program's output."""


@dataclass(frozen=True)
class Answer:
    """The answer of a program.

    Args:
        code: Its exit code; None if it did not start or did not end in time.
        output: Its stdout.
        errors: Its stderr, or why it did not start.
    """

    code: int | None
    output: str = ""
    errors: str = ""

    @property
    def is_good(self) -> bool:
        """Return whether the program succeeded."""
        return self.code == 0

    @property
    def is_late(self) -> bool:
        """Return whether the program was killed at its time limit."""
        return self.code is None and not self.errors


def ask(
    command: Sequence[str], seconds: float, environment: Mapping[str, str] | None = None, given: bytes = b""
) -> Answer:
    """Run a command and return its answer; at the time limit, kill it and all processes that it started.

    Its output goes to a file, since a process that the command started could keep a pipe open.

    Args:
        command: The program's path and its arguments.
        seconds: How long it may take.
        environment: Its variables; those of this process where left out.
        given: Its stdin.
    """
    if seconds <= 0:
        return Answer(None)
    with tempfile.TemporaryFile() as input_, tempfile.TemporaryFile() as output, tempfile.TemporaryFile() as errors:
        input_.write(given)
        input_.seek(0)
        try:
            process = subprocess.Popen(
                command,
                stdin=input_,
                stdout=output,
                stderr=errors,
                env=environment,
                start_new_session=True,
            )
        except OSError as error:
            return Answer(None, errors=error.strerror or str(error))
        try:
            code = process.wait(seconds)
        except subprocess.TimeoutExpired:
            kill(process)
            return Answer(None)
        output.seek(0)
        errors.seek(0)
        return Answer(
            code, output.read(_MOST).decode(errors="replace"), errors.read(4096).decode(errors="replace").strip()
        )


def kill(process: subprocess.Popen[bytes]) -> None:
    """Kill a command and the processes that it started."""
    with contextlib.suppress(OSError):
        if sys.platform == "win32":
            process.kill()
        else:
            os.killpg(process.pid, signal.SIGKILL)
    if sys.platform == "win32":
        process.wait()
        return
    # An interrupt in the middle of `Popen.wait` can leave its internal lock taken, and the next `wait` would never end.
    try:
        _, status = os.waitpid(process.pid, 0)
    except ChildProcessError:
        return
    process.returncode = os.waitstatus_to_exitcode(status)
