"""A record comes from disk, perhaps from somebody else's repository: it leads nowhere outside the directory."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING

import pytest
from builds import NEW, OLD, contents, fresh_build

from compiling import modelgen
from modelgen import output

if TYPE_CHECKING:
    from pathlib import Path

PRECIOUS = hashlib.sha256(b"precious").hexdigest()


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A build, a file beside it that a hostile record is after, and a change to build."""
    fresh_build(OLD, tmp_path)
    (tmp_path / "models.toml").write_text(NEW)
    (tmp_path / "precious").write_text("precious")
    (tmp_path / "precious.modelgen-new").write_text("precious")
    return tmp_path


def add(project: Path, *names: str) -> None:
    """Claim in the record that modelgen wrote these files, with the contents that they have."""
    record = project / "build" / output.RECORD
    document = json.loads(record.read_text())
    document["files"] |= {name: [PRECIOUS] for name in names}
    record.write_text(json.dumps(document))


def assert_harmless(project: Path) -> None:
    before = {name: data for name, data in contents(project).items() if not name.startswith("build/")}
    for args in (["build", "--check"], ["build"], ["build", "--force"], ["build"]):
        done = modelgen(*args, cwd=project)
        assert done.returncode in (0, 1, 3, 4), done.stderr
        assert "Traceback" not in done.stderr
    after = {name: data for name, data in contents(project).items() if not name.startswith("build/")}
    assert after == before


@pytest.mark.parametrize("name", ["..", "../precious", "up/../../precious", "./../precious", "up//..//../precious"])
def test_a_name_that_leads_out(project: Path, name: str) -> None:
    (project / "build" / "up").mkdir()
    add(project, name)
    assert_harmless(project)


@pytest.mark.parametrize("name", ["", ".", "a/", "a//b", "\ud800", "docker-compose.yml/x", "x" * 300, "a/" * 5000])
def test_a_name_that_no_file_can_have(project: Path, name: str) -> None:
    add(project, name)
    assert_harmless(project)


def test_a_record_of_ten_megabytes(project: Path) -> None:
    add(project, *(f"file-{number}" for number in range(100_000)))
    assert modelgen("build", cwd=project).returncode == 0
    assert modelgen("build", "--check", cwd=project).returncode == 0


def test_a_record_that_is_a_link(project: Path) -> None:
    record = project / "build" / output.RECORD
    (project / "elsewhere").write_bytes(record.read_bytes())
    record.unlink()
    record.symlink_to("../elsewhere")
    before = (project / "elsewhere").read_bytes()
    assert modelgen("build", cwd=project).returncode == 0
    assert (project / "elsewhere").read_bytes() == before
    assert not record.is_symlink()


def test_a_record_that_is_a_directory(project: Path) -> None:
    record = project / "build" / output.RECORD
    record.unlink()
    record.mkdir()
    for args in (["build"], ["build", "--check"], ["build", "--force"]):
        done = modelgen(*args, cwd=project)
        assert done.returncode == 3
        assert "is a directory" in done.stderr
        assert "Traceback" not in done.stderr
