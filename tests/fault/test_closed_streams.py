"""Output that cannot be written, and streams that are not there: a sentence or silence, never a traceback."""

from __future__ import annotations

import os
import subprocess
import sys
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from builds import NEW, OLD, fresh_build

from compiling import REPOSITORY, start

if TYPE_CHECKING:
    from typing import IO

# What Python makes of standard streams that a shell has closed, and of PYTHONIOENCODING.
CLOSED = "import os, sys\nfor number in {numbers}:\n    os.close(number)\n"
GONE = "for name in {names}:\n    setattr(sys, name, None)\n    setattr(sys, f'__{{name}}__', None)"
NAMES = {0: "stdin", 1: "stdout", 2: "stderr"}
ENCODED = """
import sys
sys.stdout.reconfigure(encoding="{encoding}", errors="strict")
sys.stderr.reconfigure(encoding="{encoding}", errors="backslashreplace")
"""
COMMANDS = [
    "--help",
    "rules",
    "schema",
    "explain MG101",
    "validate",
    "diff",
    "build --check --format github",
    "build --check",
]


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A build that is out of date, with letters that few encodings have, and a warning to print."""
    folder = tmp_path_factory.mktemp("project")
    fresh_build(OLD, folder)
    toml = NEW.replace('unpinned-repo = "off"', 'unpinned-repo = "warning"').replace('"a/b"', '"a/b" # ü漢…')
    (folder / "models.toml").write_bytes(toml.encode())
    return folder


def run(
    command: str, cwd: Path, before: str = "", stdout: IO[bytes] | int = subprocess.PIPE
) -> subprocess.CompletedProcess[str]:
    with start(*command.split(), cwd=cwd, before=before, stdout=stdout) as process:
        output, errors = process.communicate(timeout=60)
    return subprocess.CompletedProcess(command, process.returncode, output, errors)


def by_shell(command: str, cwd: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["sh", "-c", f"exec {sys.executable} -m modelgen {command}"],
        cwd=cwd,
        env={**os.environ, "PYTHONPATH": str(REPOSITORY / "compiler"), **environment},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


@cache
def usual(command: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    """Return what a command does when nothing is wrong with its streams."""
    return run(command, cwd)


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full here")
@pytest.mark.parametrize("command", COMMANDS)
def test_a_full_disk_behind_stdout(project: Path, command: str) -> None:
    expected = usual(command, project)
    with Path("/dev/full").open("wb") as full:
        done = run(command, project, stdout=full)
    assert "Traceback" not in done.stderr
    if expected.stdout:
        assert done.returncode == 3
        assert "no space left on device" in done.stderr
    else:
        assert done.returncode == expected.returncode


@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize("closed", [(1,), (2,), (0, 1, 2)])
def test_streams_that_are_closed(project: Path, command: str, closed: tuple[int, ...]) -> None:
    expected = usual(command, project)
    before = CLOSED.format(numbers=closed) + GONE.format(names=[NAMES[number] for number in closed])
    done = run(command, project, before)
    assert "Traceback" not in done.stderr
    assert done.returncode == expected.returncode


@pytest.mark.parametrize("closed", [">&-", "2>&-", "<&- >&- 2>&-"])
def test_streams_that_a_shell_closes(project: Path, closed: str) -> None:
    done = by_shell(f"validate {closed}", project)
    assert "Traceback" not in done.stderr
    assert done.returncode == usual("validate", project).returncode


@pytest.mark.parametrize("command", COMMANDS)
def test_a_pipe_that_nobody_reads(project: Path, command: str) -> None:
    read, write = os.pipe()
    os.close(read)
    try:
        done = run(command, project, stdout=write)
    finally:
        os.close(write)
    assert "Traceback" not in done.stderr
    assert "Exception ignored" not in done.stderr
    assert "bug" not in done.stderr
    expected = usual(command, project)
    assert done.returncode == (141 if expected.stdout else expected.returncode)


@pytest.mark.parametrize("sink", ["closed pipe", "/dev/full"])
@pytest.mark.parametrize("command", [*COMMANDS, "nosuch", "lock --check", "status --url http://127.0.0.1:9"])
def test_unread_messages(project: Path, command: str, sink: str) -> None:
    """Only the messages are lost: a command with findings, and one without, ends as usual."""
    if sink == "/dev/full" and not Path("/dev/full").exists():
        pytest.skip("no /dev/full here")
    read, write = os.pipe() if sink == "closed pipe" else (None, os.open(sink, os.O_WRONLY))
    if read is not None:
        os.close(read)
    try:
        with start(*command.split(), cwd=project, stderr=write) as process:
            output, _ = process.communicate(timeout=60)
    finally:
        os.close(write)
    expected = usual(command, project)
    assert (process.returncode, output) == (expected.returncode, expected.stdout)


@pytest.mark.parametrize("command", ["rules", "schema", "explain MG101", "--help", "validate --format json"])
def test_a_reader_that_leaves_after_one_line(project: Path, command: str) -> None:
    """The shell that the command runs in sees no findings and no message."""
    line = f"{sys.executable} -m modelgen {command} | head -n 1; echo ${{PIPESTATUS[0]}}"
    environment = {**os.environ, "PYTHONPATH": str(REPOSITORY / "compiler")}
    done = subprocess.run(
        ["bash", "-c", line], cwd=project, env=environment, capture_output=True, text=True, check=False, timeout=60
    )
    assert done.stdout.splitlines()[-1] in ("0", "141")  # all of a short output fits into the pipe
    assert done.stderr == ""


@pytest.mark.parametrize("encoding", ["ascii", "cp1252"])
@pytest.mark.parametrize("command", COMMANDS)
def test_the_encoding_of_the_streams_changes_nothing(project: Path, command: str, encoding: str) -> None:
    """A redirected stream of Western Windows is cp1252, which has no word for half of what is in a file."""
    expected, done = usual(command, project), run(command, project, ENCODED.format(encoding=encoding))
    assert (done.returncode, done.stdout, done.stderr) == (expected.returncode, expected.stdout, expected.stderr)


@pytest.mark.parametrize("encoding", ["ascii", "cp1252"])
def test_the_encoding_of_the_environment_changes_nothing(project: Path, encoding: str) -> None:
    expected, done = usual("validate", project), by_shell("validate", project, PYTHONIOENCODING=encoding)
    assert (done.returncode, done.stdout, done.stderr) == (expected.returncode, expected.stdout, expected.stderr)
