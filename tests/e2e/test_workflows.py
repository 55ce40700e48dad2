"""The workflows of .github/: every command of theirs, run in a copy of what git has, in a new environment."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest
import yaml

import known_environment
from compiling import REPOSITORY
from modelgen import __version__

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

WORKFLOWS = {path.name: yaml.safe_load(path.read_text()) for path in (REPOSITORY / ".github/workflows").glob("*.yml")}
JOBS = {
    (name, job): steps
    for name, workflow in WORKFLOWS.items()
    for job, declared in workflow["jobs"].items()
    if (steps := [step for step in declared["steps"] if "run" in step])
}
WHOLE = ("ci.yml", "all")  # which runs this test
TESTS = "--numprocesses=0 tests/unit/test_sizes.py"  # in place of all
VALUES = {"github.ref_name": f"v{__version__}"}
EXPRESSION = re.compile(r"\$\{\{ ([\w.-]+) \}\}")

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="the jobs run on Linux")


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """Copy the files of the repository that git has or would add."""
    listed = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    names = subprocess.run(listed, cwd=REPOSITORY, capture_output=True, check=True).stdout.decode().split("\0")
    folder = tmp_path / "checkout"
    for name in filter(None, names):
        if (source := REPOSITORY / name).is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_bytes(source.read_bytes())
    return folder


@pytest.fixture
def environment(tmp_path: Path, install: Callable[[str], Path]) -> dict[str, str]:
    """Make an environment with nothing but pip, first on the PATH, as setup-python does."""
    tools = install("uv")
    cache = {"UV_CACHE_DIR": str(tools.parent / "uv-cache")}
    own = known_environment.caller() | {"HOME": str(tmp_path)} | cache
    make: list[str | Path] = [
        tools / "bin" / "uv",
        "venv",
        "--quiet",
        "--seed",
        "--python",
        sys.executable,
        tmp_path / "venv",
    ]
    subprocess.run(make, env=own, check=True)
    programs = tmp_path / "venv" / "bin"
    path = f"{programs}{os.pathsep}{os.environ['PATH']}"
    return own | {"PATH": path, "PIP_NO_COMPILE": "1", "PYTEST_ADDOPTS": TESTS}


def run(step: dict[str, Any], folder: Path, environment: dict[str, str]) -> None:
    given = {key: EXPRESSION.sub(lambda found: VALUES[found[1]], text) for key, text in step.get("env", {}).items()}
    command = ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", step["run"]]
    done = subprocess.run(
        command, cwd=folder, env=environment | given, capture_output=True, text=True, timeout=600, check=False
    )
    assert done.returncode == 0, f"{step['run']}\n{done.stdout[-2000:]}\n{done.stderr[-2000:]}"


@pytest.mark.parametrize("job", [job for job in JOBS if job != WHOLE], ids="-".join)
def test_every_command_works(job: tuple[str, str], checkout: Path, environment: dict[str, str]) -> None:
    for step in JOBS[job]:
        run(step, checkout, environment)
    for step in WORKFLOWS[job[0]]["jobs"][job[1]]["steps"]:
        if step.get("uses", "").startswith("actions/upload-"):
            assert any((checkout / step["with"]["path"]).iterdir())


def test_the_whole_run_is_that_of_this_repository() -> None:
    assert [step["run"] for step in JOBS[WHOLE]] == ["sudo bash .ci/run"]
    assert (REPOSITORY / ".ci/run").is_file()


def test_a_tag_that_is_not_the_version_is_refused() -> None:
    [step] = [step for step in JOBS["release.yml", "build"] if "TAG" in step.get("env", {})]
    run(step, REPOSITORY, {**os.environ})
    with pytest.raises(AssertionError, match="grep"):
        run({"run": step["run"]}, REPOSITORY, {**os.environ, "TAG": "v99.0.0"})
