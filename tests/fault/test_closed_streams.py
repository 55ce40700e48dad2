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

from compiling import REPOSITORY

if TYPE_CHECKING:
    from collections.abc import Mapping

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


def run(command: str, cwd: Path, env: Mapping[str, str] | None = None) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(
        ["sh", "-c", f"exec {sys.executable} -m modelgen {command}"],
        cwd=cwd,
        env={**os.environ, "PYTHONPATH": str(REPOSITORY / "compiler"), **(env or {})},
        capture_output=True,
        check=False,
        timeout=60,
    )


@cache
def usual(command: str, cwd: Path) -> subprocess.CompletedProcess[bytes]:
    """Return what a command does when nothing is wrong with its streams."""
    return run(command, cwd)


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full here")
@pytest.mark.parametrize("command", COMMANDS)
def test_a_full_disk_behind_stdout(project: Path, command: str) -> None:
    expected = usual(command, project)
    done = run(f"{command} > /dev/full", project)
    assert b"Traceback" not in done.stderr
    if expected.stdout:
        assert done.returncode == 3
        assert b"no space left on device" in done.stderr
    else:
        assert done.returncode == expected.returncode


@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize("closed", [">&-", "2>&-", "<&- >&- 2>&-"])
def test_streams_that_are_closed(project: Path, command: str, closed: str) -> None:
    expected = usual(command, project)
    done = run(f"{command} {closed}", project)
    assert b"Traceback" not in done.stderr
    assert done.returncode == expected.returncode


@pytest.mark.parametrize("command", COMMANDS)
def test_a_pipe_that_nobody_reads(project: Path, command: str) -> None:
    read, write = os.pipe()
    os.close(read)
    try:
        done = subprocess.run(
            [sys.executable, "-m", "modelgen", *command.split()],
            cwd=project,
            env={**os.environ, "PYTHONPATH": str(REPOSITORY / "compiler")},
            stdout=write,
            stderr=subprocess.PIPE,
            check=False,
            timeout=60,
        )
    finally:
        os.close(write)
    assert b"Traceback" not in done.stderr
    assert b"Exception ignored" not in done.stderr
    assert b"bug" not in done.stderr


@pytest.mark.parametrize("encoding", ["ascii", "cp1252"])
@pytest.mark.parametrize("command", COMMANDS)
def test_the_encoding_of_the_streams_changes_nothing(project: Path, command: str, encoding: str) -> None:
    """A redirected stream of Western Windows is cp1252, which has no word for half of what is in a file."""
    expected, done = usual(command, project), run(command, project, {"PYTHONIOENCODING": encoding})
    assert (done.returncode, done.stdout, done.stderr) == (expected.returncode, expected.stdout, expected.stderr)
