"""What is in the output directory and is not modelgen's: never overwritten, never removed, without --force."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING

import pytest
from builds import NEW, OLD, contents, fresh_build

from compiling import modelgen, start
from modelgen import output

if TYPE_CHECKING:
    from pathlib import Path

COMPOSE = "docker-compose.yml"


@pytest.fixture
def project(tmp_path: Path) -> Path:
    fresh_build(OLD, tmp_path)
    return tmp_path


def test_an_edited_file_is_kept(project: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    with (project / "build" / COMPOSE).open("a") as file:
        file.write("# mine\n")
    before = contents(project)
    for args in (["build"], ["build", "--check"]):
        done = modelgen(*args, cwd=project)
        assert done.returncode == 1
        assert f"build/{COMPOSE} was edited since modelgen wrote it" in done.stderr
        assert "--force" in done.stderr
        assert contents(project) == before
    assert modelgen("build", "--force", cwd=project).returncode == 0
    assert contents(project / "build") == fresh_build(OLD, tmp_path_factory.mktemp("fresh"))


def test_an_edit_stops_a_new_build_too(project: Path) -> None:
    (project / "build" / COMPOSE).write_text("mine")
    (project / "models.toml").write_text(NEW)
    before = contents(project)
    assert modelgen("build", cwd=project).returncode == 1
    assert contents(project) == before


def test_a_foreign_file_is_kept(tmp_path: Path) -> None:
    (tmp_path / "models.toml").write_text(OLD)
    (tmp_path / "build").mkdir()
    (tmp_path / "build" / COMPOSE).write_text("services: {}\n")
    done = modelgen("build", cwd=tmp_path)
    assert done.returncode == 1
    assert f"build/{COMPOSE} was not written by modelgen" in done.stderr
    assert contents(tmp_path / "build") == {COMPOSE: b"services: {}\n"}


def test_foreign_bytes_that_equal_ours_are_adopted(project: Path) -> None:
    whole = contents(project / "build")
    (project / "build" / output.RECORD).unlink()
    assert modelgen("build", "--check", cwd=project).returncode == 4
    assert modelgen("build", cwd=project).returncode == 0
    assert contents(project / "build") == whole


def test_neighbours_are_never_touched(project: Path) -> None:
    (project / "build" / "docker-compose.override.yml").write_text("services: {}\n")
    (project / "models.toml").write_text(NEW)
    assert modelgen("build", cwd=project).returncode == 0
    assert modelgen("build", "--check", cwd=project).returncode == 0
    assert (project / "build" / "docker-compose.override.yml").read_text() == "services: {}\n"


def test_a_deleted_file_comes_back(project: Path) -> None:
    whole = contents(project / "build")
    (project / "build" / COMPOSE).unlink()
    checked = modelgen("build", "--check", cwd=project)
    assert checked.returncode == 4
    assert f"out of date: build/{COMPOSE}; run `modelgen build`" in checked.stderr
    assert modelgen("build", cwd=project).returncode == 0
    assert contents(project / "build") == whole


def test_nothing_to_do_writes_nothing(project: Path) -> None:
    before = {path: path.stat().st_mtime_ns for path in (project / "build").iterdir()}
    assert modelgen("build", cwd=project).returncode == 0
    assert {path: path.stat().st_mtime_ns for path in (project / "build").iterdir()} == before


def test_files_no_longer_produced_are_removed_unless_edited(tmp_path: Path) -> None:
    first = {"kept.yml": b"1", "gone.yml": b"2", "folder/edited.yml": b"3"}
    assert not output.build(first, tmp_path, force=False).conflicts
    (tmp_path / "folder/edited.yml").write_bytes(b"mine")
    refused = output.build({"kept.yml": b"4"}, tmp_path, force=False)
    assert (refused.delete, refused.conflicts) == (["gone.yml"], ["folder/edited.yml"])
    assert (tmp_path / "kept.yml").read_bytes() == b"1"
    output.build({"kept.yml": b"4"}, tmp_path, force=True)
    record = json.dumps(
        {"format": 1, "files": {"kept.yml": [hashlib.sha256(b"4").hexdigest()]}}, indent=2, sort_keys=True
    )
    assert contents(tmp_path) == {"kept.yml": b"4", output.RECORD: f"{record}\n".encode()}


@pytest.mark.parametrize("kind", ["symlink", "directory"])
def test_what_is_no_file_is_not_written_through(project: Path, kind: str) -> None:
    target, elsewhere = project / "build" / COMPOSE, project / "elsewhere.yml"
    target.unlink()
    elsewhere.write_text("precious")
    if kind == "symlink":
        target.symlink_to(elsewhere)
    else:
        target.mkdir()
    assert modelgen("build", cwd=project).returncode == 1
    forced = modelgen("build", "--force", cwd=project)
    assert forced.returncode == (0 if kind == "symlink" else 3)
    assert "Traceback" not in forced.stderr
    assert elsewhere.read_text() == "precious"


HOSTILE = {
    "not JSON": "{",
    "another format": '{"format": 2, "files": {}}',
    "a list": "[]",
    "no hashes": '{"format": 1, "files": {"x": "y"}}',
    "a short hash": '{"format": 1, "files": {"x": ["abc"]}}',
    "a name above": f'{{"format": 1, "files": {{"../precious": ["{hashlib.sha256(b"precious").hexdigest()}"]}}}}',
    "a name within": f'{{"format": 1, "files": {{"a/../../precious": ["{hashlib.sha256(b"precious").hexdigest()}"]}}}}',
    "an absolute name": f'{{"format": 1, "files": {{"/etc/hostname": ["{"0" * 64}"]}}}}',
    "a drive": f'{{"format": 1, "files": {{"C:\\\\x": ["{"0" * 64}"]}}}}',
    "itself": f'{{"format": 1, "files": {{"{output.RECORD}": ["{"0" * 64}"]}}}}',
    "deep": "[" * 100_000,
    "not text": "\udcff",
}


@pytest.mark.parametrize("record", HOSTILE.values(), ids=HOSTILE.keys())
def test_a_record_that_is_none_stops_the_build(project: Path, record: str) -> None:
    (project / "precious").write_text("precious")
    (project / "build" / output.RECORD).write_bytes(record.encode("utf-8", "surrogateescape"))
    done = modelgen("build", cwd=project)
    assert done.returncode == 1
    assert f"build/{output.RECORD} was not written by modelgen" in done.stderr
    assert modelgen("build", "--force", cwd=project).returncode == 0
    assert modelgen("build", "--check", cwd=project).returncode == 0
    assert (project / "precious").read_text() == "precious"


def test_two_builds_at_once(project: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    (project / "models.toml").write_text(NEW)
    running = [start("build", cwd=project, env={"PATH": ""}, stdout=None, stderr=None) for _ in range(6)]
    assert [process.wait(timeout=60) for process in running] == [0] * 6
    assert contents(project / "build") == fresh_build(NEW, tmp_path_factory.mktemp("fresh"))
