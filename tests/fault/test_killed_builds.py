"""kill -9 at every step of a build: each file is old or new, and the next build completes it."""

from __future__ import annotations

import random
import signal
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from builds import NEW, OLD, contents, fresh_build

from compiling import modelgen, script, start
from modelgen import output
from modelgen.pipeline import compile_source

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Mapping

RECORD = ".modelgen-record.json"
STAGED = (".modelgen-new", ".modelgen-done")


def killed_at(step: int, project: Path) -> subprocess.CompletedProcess[str]:
    return script((Path(__file__).parent / "killing.py").read_text(), str(step), cwd=project)


def lay(files: Mapping[str, bytes], project: Path) -> None:
    """Lay a finished build into a new project."""
    (project / "build").mkdir(parents=True)
    for name, data in files.items():
        (project / "build" / name).write_bytes(data)


def assert_whole(now: Mapping[str, bytes], old: Mapping[str, bytes], new: Mapping[str, bytes]) -> None:
    """Every file that a build writes is as it was or as it will be; the record may name both."""
    for name in {*now} - {RECORD}:
        if not name.endswith(STAGED):
            assert now[name] in (old.get(name), new.get(name)), name


def assert_completes(project: Path, new: Mapping[str, bytes]) -> None:
    """Until the directory is what a fresh build makes, `--check` says so; then the next build makes it so."""
    artifacts = compile_source((project / "models.toml").read_bytes()).artifacts
    changes = output.compare(artifacts, project / "build")
    assert changes.conflicts == []
    assert changes.is_empty == (contents(project / "build") == new)
    output.build(artifacts, project / "build", force=False)
    assert contents(project / "build") == new


@pytest.fixture(scope="module")
def builds(tmp_path_factory: pytest.TempPathFactory) -> tuple[dict[str, bytes], dict[str, bytes]]:
    folder = tmp_path_factory.mktemp("fresh")
    return fresh_build(OLD, folder / "old"), fresh_build(NEW, folder / "new")


def test_killed_at_every_step(tmp_path: Path, builds: tuple[dict[str, bytes], dict[str, bytes]]) -> None:
    old, new = builds
    seen = set()
    for step in range(1, 100):
        project = tmp_path / f"step{step}"
        lay(old, project)
        (project / "models.toml").write_text(NEW)
        done = killed_at(step, project)
        if done.returncode == 0:
            break
        assert done.returncode == -signal.SIGKILL, done.stderr
        now = contents(project / "build")
        assert_whole(now, old, new)
        seen.add((now["docker-compose.yml"] == new["docker-compose.yml"], now[RECORD] in (old[RECORD], new[RECORD])))
        assert_completes(project, new)
    else:
        pytest.fail("the build never came to its end")
    # All that lies between was met: nothing published, the record alone, the file too, all but the last record.
    assert seen >= {(False, True), (False, False), (True, False)}


def test_killed_during_the_first_build(tmp_path: Path, builds: tuple[dict[str, bytes], dict[str, bytes]]) -> None:
    _, new = builds
    for step in range(1, 100):
        project = tmp_path / f"step{step}"
        project.mkdir()
        (project / "models.toml").write_text(NEW)
        if killed_at(step, project).returncode == 0:
            break
        assert_whole(contents(project / "build"), {}, new)
        assert_completes(project, new)
    else:
        pytest.fail("the build never came to its end")


def test_killed_at_random_moments(tmp_path: Path, builds: tuple[dict[str, bytes], dict[str, bytes]]) -> None:
    old, new = builds
    moments = random.Random(1)
    for number in range(5):
        project = tmp_path / str(number)
        lay(old, project)
        (project / "models.toml").write_text(NEW)
        process = start("build", cwd=project)
        time.sleep(moments.uniform(0, 0.06))  # the moment itself is what is random
        process.kill()
        process.communicate(timeout=30)
        assert_whole(contents(project / "build"), old, new)
        checked = modelgen("build", "--check", cwd=project)
        assert checked.returncode == (0 if contents(project / "build") == new else 4)
        assert modelgen("build", cwd=project).returncode == 0
        assert contents(project / "build") == new
