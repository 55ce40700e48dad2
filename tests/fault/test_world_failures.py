"""The world will not have it: exit 3, one sentence with a way out, and the old build untouched."""

from __future__ import annotations

import contextlib
import ctypes
import os
import resource
import shutil
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
from builds import NEW, OLD, contents, fresh_build

from compiling import REPOSITORY, modelgen

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


def unable(*args: str, cwd: Path, prepare: Callable[[], None]) -> str:
    """Run a command that the world stops, and return the one sentence that it says."""
    done = subprocess.run(
        [sys.executable, "-B", "-m", "modelgen", *args],
        cwd=cwd,
        env={**os.environ, "PYTHONPATH": str(REPOSITORY / "compiler")},
        preexec_fn=prepare,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout) == (3, ""), done.stderr
    (sentence,) = done.stderr.splitlines()
    assert sentence.startswith("modelgen: ")
    return sentence


def without_override() -> None:
    """Root may write anywhere until it gives up that one capability, for itself and what it starts."""
    if os.getuid() == 0:
        drop_from_bounding_set, dac_override = 24, 1
        assert ctypes.CDLL(None).prctl(drop_from_bounding_set, dac_override, 0, 0, 0) == 0


def small_files() -> None:
    """Every write beyond 512 bytes fails, as on a full disk: the record fits, the Compose file does not."""
    import signal

    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (512, 512))


def fill(disk: Path) -> None:
    with (disk / "filler").open("wb", buffering=0) as file, contextlib.suppress(OSError):
        while True:
            file.write(b"x" * 4096)


@pytest.fixture
def project(tmp_path: Path) -> Path:
    fresh_build(OLD, tmp_path)
    (tmp_path / "models.toml").write_text(NEW)
    return tmp_path


def test_a_write_that_fails_changes_nothing(project: Path) -> None:
    before = contents(project / "build")
    sentence = unable("build", cwd=project, prepare=small_files)
    assert "cannot write build" in sentence
    assert "--out" in sentence
    assert contents(project / "build") == before
    assert modelgen("build", cwd=project).returncode == 0


@pytest.mark.skipif(
    sys.platform != "linux" or os.getuid() != 0 or shutil.which("mount") is None,
    reason="only root can mount a file system",
)
@pytest.mark.parametrize("kind", ["full", "read-only"])
def test_a_disk_that_is_full_or_read_only(tmp_path: Path, kind: str) -> None:
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=64k", "modelgen-test", str(tmp_path)], capture_output=True, check=False
    )
    if mounted.returncode:
        pytest.skip("this root may not mount")
    try:
        fresh_build(OLD, tmp_path / "project")
        (tmp_path / "project" / "models.toml").write_text(NEW)
        if kind == "full":
            fill(tmp_path)
        else:
            subprocess.run(["mount", "-o", "remount,ro", str(tmp_path)], check=True)
        before = contents(tmp_path / "project")
        sentence = unable("build", cwd=tmp_path / "project", prepare=lambda: None)
        assert ("no space left" if kind == "full" else "read-only file system") in sentence
        assert contents(tmp_path / "project") == before
    finally:
        subprocess.run(["umount", str(tmp_path)], check=True)


def test_a_directory_that_may_not_be_written(project: Path) -> None:
    for path in (project, project / "build"):
        path.chmod(0o555)
    try:
        before = contents(project / "build")
        sentence = unable("build", cwd=project, prepare=without_override)
        assert "permission denied" in sentence
        assert contents(project / "build") == before
    finally:
        for path in (project, project / "build"):
            path.chmod(0o755)


def test_no_models_toml(tmp_path: Path) -> None:
    for command in ("build", "validate", "diff"):
        sentence = unable(command, cwd=tmp_path, prepare=lambda: None)
        assert sentence == (
            "modelgen: there is no models.toml here or in a folder above; run `modelgen init` to create one, or pass "
            "another with --config"
        )


def test_models_toml_is_a_directory(tmp_path: Path) -> None:
    (tmp_path / "models.toml").mkdir()
    assert "is a directory" in unable("build", cwd=tmp_path, prepare=lambda: None)


@pytest.mark.parametrize("command", ["build", "diff"])
def test_out_is_a_file(project: Path, command: str) -> None:
    (project / "taken").write_text("mine")
    assert "--out" in unable(command, "--out", "taken", cwd=project, prepare=lambda: None)
    assert (project / "taken").read_text() == "mine"


def test_a_reader_that_leaves_is_no_bug(tmp_path: Path) -> None:
    shown = subprocess.run(
        f"'{sys.executable}' -m modelgen rules | head -n 1",
        shell=True,
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(REPOSITORY / "compiler")},
        capture_output=True,
        text=True,
        check=True,
    )
    assert shown.stdout.startswith("MG001")
    assert shown.stderr == ""
