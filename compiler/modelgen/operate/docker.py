"""Run Docker and Compose by their command lines, and turn their errors into sentences."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import subprocess
import sys
import tempfile
from typing import TYPE_CHECKING

from modelgen.files import ModelgenError
from modelgen.operate.programs import kill

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path
    from typing import IO, TextIO

# Patterns of Docker's errors, and the next step for each.
_KNOWN = (
    (
        r"permission denied.*(?:docker API|docker daemon|docker\.sock)",
        "no permission on the Docker socket; run `sudo usermod -aG docker $USER`, log in again, and try again",
    ),
    (
        r"Cannot connect to the Docker daemon|failed to connect to the docker API|error during connect",
        "Docker does not run; start it (`sudo systemctl start docker`, or Docker Desktop), and try again",
    ),
    (
        r"is not a docker command|unknown (?:shorthand )?flag|unknown command: docker compose",
        "Docker Compose v2 is not installed; install the plugin `docker-compose-plugin`, and try again",
    ),
    (
        r"error setting rlimit",
        (
            "this Docker Engine cannot raise the limits of containers, as is usual without root; set `ulimits` that "
            "it allows in [orchestrator.compose] and [models.ID.compose], such as `ulimits = { nofile = 1024 }`"
        ),
    ),
)
_TAKEN = re.compile(r"address already in use|port is already allocated")
_ADDRESS = re.compile(r"(?:for|listen tcp4?|Bind for) (\[?[0-9a-fA-F.:]+\]?:\d+)")


def run(command: Sequence[str], *, folder: Path | None = None, given: bytes | None = None) -> str:
    """Run a Docker command, and return its output.

    Args:
        command: `docker` and its arguments.
        folder: Its working directory.
        given: Its stdin.

    Raises:
        ModelgenError: The command failed; the message names the next step.
    """
    code, output, errors = _run(command, folder, given, subprocess.PIPE, subprocess.PIPE)
    if code:
        raise ModelgenError(explain(errors.decode(errors="replace"), f"`{' '.join(command[:3])}` ended with {code}"))
    return output.decode(errors="replace")


def show(command: Sequence[str]) -> bool:
    """Run a command with its output on stderr, and return whether it succeeded."""
    return _run(command, None, None, sys.stderr, None)[0] == 0


def try_quietly(command: Sequence[str]) -> str | None:
    """Run a command, and return its output if it failed, or None if it succeeded."""
    code, output, _ = _run(command, None, None, subprocess.PIPE, subprocess.STDOUT)
    return output.decode(errors="replace") if code else None


@contextlib.contextmanager
def stream(command: Sequence[str]) -> Iterator[IO[bytes]]:
    """Run a command, and yield its output as a stream; the command is killed if the block ends with an exception.

    Raises:
        ModelgenError: The command failed; the message names the next step.
    """
    with (
        tempfile.TemporaryFile() as errors,
        _signals_deferred() as deliver,
        _start(command, None, subprocess.PIPE, errors) as process,
    ):
        try:
            deliver()
            assert process.stdin is not None  # noqa: S101 - both are pipes
            assert process.stdout is not None  # noqa: S101
            process.stdin.close()
            yield process.stdout
            code = process.wait()
        except BaseException:
            kill(process)
            raise
        errors.seek(0)
        said = errors.read().decode(errors="replace")
    if code:
        raise ModelgenError(explain(said, f"`{' '.join(command[:3])}` ended with {code}"))


def _run(
    command: Sequence[str], folder: Path | None, given: bytes | None, output: int | TextIO, errors: int | None
) -> tuple[int, bytes, bytes]:
    """Run a command in a session of its own, so that Ctrl-C reaches only modelgen, and kill it at the end."""
    with _signals_deferred() as deliver, _start(command, folder, output, errors) as process:
        try:
            deliver()
            printed, said = process.communicate(given or b"")
        except BaseException:
            kill(process)
            raise
    return process.returncode, printed or b"", said or b""


def _start(
    command: Sequence[str], folder: Path | None, output: int | TextIO, errors: int | IO[bytes] | None
) -> subprocess.Popen[bytes]:
    try:
        return subprocess.Popen(
            command,
            cwd=folder,
            stdin=subprocess.PIPE,
            stdout=output,
            stderr=errors,
            env=_environment(),
            start_new_session=True,
        )
    except FileNotFoundError as error:
        raise ModelgenError("the command `docker` is not installed; install Docker, and try again") from error


@contextlib.contextmanager
def _signals_deferred() -> Iterator[Callable[[], None]]:
    """Defer signals until the yielded function is called: one between a start and its `try` would leave a process."""
    if sys.platform == "win32":
        yield lambda: None
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, (signal.SIGINT, signal.SIGTERM, signal.SIGHUP))

    def deliver() -> None:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)

    try:
        yield deliver
    finally:
        deliver()


def require_docker() -> None:
    """Check that Docker and Compose answer.

    Raises:
        ModelgenError: One of them does not answer.
    """
    run(["docker", "version", "--format", "{{.Server.Version}}"])
    run(["docker", "compose", "version", "--short"])


def has_image(reference: str) -> bool:
    """Return whether the Docker Engine has an image.

    Raises:
        ModelgenError: The engine does not answer.
    """
    return bool(run(["docker", "image", "ls", "--quiet", reference]).strip())


def explain(errors: str, otherwise: str) -> str:
    """Return the meaning of Docker's error and the next step, or its last line."""
    for pattern, meaning in _KNOWN:
        if re.search(pattern, errors, re.DOTALL):
            return meaning
    if _TAKEN.search(errors):
        found = _ADDRESS.search(errors)
        address = found[1] if found else "an address"
        return f"{address} is in use; stop that program, or set another `listen` or `publish` in models.toml"
    lines = [line.strip() for line in errors.splitlines() if line.strip()]
    return lines[-1].removeprefix("Error response from daemon: ") if lines else otherwise


def _environment() -> dict[str, str]:
    """Return the environment without COMPOSE_FILE and COMPOSE_PROJECT_NAME, which would name another deployment."""
    return {name: value for name, value in os.environ.items() if not name.startswith("COMPOSE_")}
