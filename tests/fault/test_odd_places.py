"""Places on disk that are not what their names say: each is named in one sentence, and nothing is hung on or hurt."""

from __future__ import annotations

import ctypes
import os
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
from builds import NEW, OLD, contents, fresh_build

from compiling import REPOSITORY, modelgen, start

if TYPE_CHECKING:
    from pathlib import Path

ENV = {**os.environ, "PYTHONPATH": str(REPOSITORY / "compiler")}


@pytest.fixture
def project(tmp_path: Path) -> Path:
    fresh_build(OLD, tmp_path)
    (tmp_path / "models.toml").write_text(NEW)
    return tmp_path


def refused(*args: str, cwd: Path) -> str:
    """Return the one sentence that a command ends with."""
    before = contents(cwd)
    done = modelgen(*args, cwd=cwd)
    assert (done.returncode, done.stdout) == (3, ""), done.stderr
    (sentence,) = done.stderr.splitlines()
    assert contents(cwd) == before
    return sentence


def test_a_models_toml_that_may_not_be_read(project: Path) -> None:
    (project / "models.toml").chmod(0)
    done = subprocess.run(
        [sys.executable, "-m", "modelgen", "build"],
        cwd=project,
        env=ENV,
        preexec_fn=_without_override,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == 3
    assert done.stderr.startswith("modelgen: cannot read models.toml: permission denied; make it readable")


def _without_override() -> None:
    """Root may read anything until it gives up the two capabilities for that."""
    for dac_override_or_read_search in (1, 2) if os.getuid() == 0 else ():
        assert ctypes.CDLL(None).prctl(24, dac_override_or_read_search, 0, 0, 0) == 0


@pytest.mark.parametrize("command", ["build", "validate", "diff"])
def test_a_link_to_itself(project: Path, command: str) -> None:
    (project / "models.toml").unlink()
    (project / "models.toml").symlink_to("models.toml")
    done = modelgen(command, cwd=project)
    assert done.returncode == 3
    assert "cannot read models.toml" in done.stderr


@pytest.mark.parametrize("place", ["models.toml/below", "x" * 300])
def test_no_such_place(project: Path, place: str) -> None:
    assert "--config" in refused("build", "--config", place, cwd=project)
    assert "--out" in refused("build", "--out", place, cwd=project)


@pytest.mark.parametrize("target", ["nowhere", "out"])
def test_an_output_directory_that_is_a_link_to_nothing(project: Path, target: str) -> None:
    (project / "out").symlink_to(target)
    assert "--out" in refused("build", "--out", "out", cwd=project)


def test_a_directory_where_a_file_is_staged(project: Path) -> None:
    (project / "build" / "docker-compose.yml.modelgen-new").mkdir()
    assert "docker-compose.yml.modelgen-new: is a directory" in refused("build", cwd=project)


def test_a_working_directory_that_is_gone(project: Path) -> None:
    gone = project / "gone"
    gone.mkdir()
    command = f"cd gone && rmdir ../gone && exec {sys.executable} -m modelgen build"
    for args in ("", "--out out", f"--config {project}/models.toml --out out"):
        done = subprocess.run(
            ["sh", "-c", f"mkdir -p gone && {command} {args}"],
            cwd=project,
            env=ENV,
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )
        assert done.returncode == 3
        assert "Traceback" not in done.stderr
        assert done.stderr.startswith("modelgen: ")


def test_a_link_to_the_output_directory_is_followed(project: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    """The user's own link is meant; only a record's names must stay inside."""
    elsewhere = tmp_path_factory.mktemp("elsewhere")
    (project / "out").symlink_to(elsewhere)
    assert modelgen("build", "--out", "out", cwd=project).returncode == 0
    assert contents(elsewhere) == fresh_build(NEW, tmp_path_factory.mktemp("fresh"))


def test_two_different_builds_at_once(project: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    """Whoever comes last wins, and what lies there is whole."""
    (project / "old.toml").write_text(OLD)
    names = ["old.toml", "models.toml"] * 4
    running = [start("build", "--config", name, cwd=project, stdout=None, stderr=None) for name in names]
    assert [process.wait(timeout=60) for process in running] == [0] * len(names)
    wholes = [fresh_build(toml, tmp_path_factory.mktemp("fresh")) for toml in (OLD, NEW)]
    assert contents(project / "build") in wholes
