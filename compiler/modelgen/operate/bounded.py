"""Run a program whose output is not trusted, with limits on its time and its output."""

from __future__ import annotations

import contextlib
import subprocess
import threading
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from modelgen.operate.programs import kill

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

_CHUNK = 2**16
_TAIL = 2**13
_TICK = 0.2


@dataclass(frozen=True)
class Printed:
    """The output of a program.

    Args:
        code: Its exit code; None if it was killed.
        output: Its stdout, up to the limit.
        errors: The end of its stderr.
        problem: Why it was killed or did not start; else empty.
    """

    code: int | None
    output: bytes = b""
    errors: str = ""
    problem: str = ""


@dataclass
class _Stream:
    """The part of a stream that is kept: its beginning up to a limit, or its end."""

    data: bytes = b""
    overflowed: bool = False


def run_bounded(
    command: Sequence[str], given: bytes, seconds: float, most: int, environment: Mapping[str, str] | None = None
) -> Printed:
    """Run a command in a session of its own; it is killed when this call ends for any reason.

    Args:
        command: The program and its arguments.
        given: Its stdin.
        seconds: Its time limit.
        most: Its output limit in bytes.
        environment: Its environment variables; by default those of this process.
    """
    output, errors = _Stream(), _Stream()
    try:
        with _started(command, environment) as process:
            threads = [
                threading.Thread(target=_write, args=(process.stdin, given), daemon=True),
                threading.Thread(target=_read_first, args=(process.stdout, output, most), daemon=True),
                threading.Thread(target=_read_last, args=(process.stderr, errors), daemon=True),
            ]
            for thread in threads:
                thread.start()
            problem = _await(process, output, seconds)
        for thread in threads:
            thread.join(_TICK * 10)
    except OSError as error:
        return Printed(None, problem=f"{command[0]} cannot be run: {(error.strerror or str(error)).lower()}")
    said = errors.data.decode(errors="replace").strip()
    return Printed(None if problem else process.returncode, output.data, said, problem)


@contextlib.contextmanager
def _started(command: Sequence[str], environment: Mapping[str, str] | None) -> Iterator[subprocess.Popen[bytes]]:
    process = subprocess.Popen(
        command,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=environment,
        start_new_session=True,
    )
    try:
        yield process
    finally:
        if process.poll() is None:
            kill(process)


def _await(process: subprocess.Popen[bytes], output: _Stream, seconds: float) -> str:
    """Wait for the end of a program; return why it did not end, or an empty string."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(_TICK)
            return ""
        if output.overflowed:
            return "it printed more than the limit"
    return f"it did not end within {seconds:.0f} s"


def _write(stream: Any, given: bytes) -> None:  # noqa: ANN401 - a pipe
    with contextlib.suppress(OSError), stream:
        stream.write(given)


def _read_first(stream: Any, into: _Stream, most: int) -> None:  # noqa: ANN401 - a pipe
    with contextlib.suppress(OSError, ValueError), stream:
        while data := stream.read1(_CHUNK):
            into.overflowed = into.overflowed or len(into.data) + len(data) > most
            if not into.overflowed:
                into.data += data


def _read_last(stream: Any, into: _Stream) -> None:  # noqa: ANN401 - a pipe
    with contextlib.suppress(OSError, ValueError), stream:
        while data := stream.read1(_CHUNK):
            into.data = (into.data + data)[-_TAIL:]
