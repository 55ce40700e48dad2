"""What cannot be read is said to be that, by every command about the hub, and never that it cannot be written."""

from __future__ import annotations

import errno
import os
import shutil
import sys
from typing import TYPE_CHECKING

import pytest

import prepared_interpreter
from lock_project import Project, model, safetensors
from modelgen.files import ReadError, was_reading

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Iterator
    from pathlib import Path

    from hub_double import Hub

FILES: dict[str, bytes | Path] = {
    "README.md": b"#",
    "config.json": b'{"model_type": "qwen3"}',
    "tokenizer.json": b"{}",
    "model.safetensors": safetensors(a=("BF16", 400)),
}
# A process of root reads every file, unless it and its children lack CAP_DAC_OVERRIDE and CAP_DAC_READ_SEARCH.
_UNPRIVILEGED = """
import ctypes
libc = ctypes.CDLL(None)
for capability in (1, 2):
    assert libc.prctl(24, capability, 0, 0, 0) == 0  # PR_CAPBSET_DROP
header, sets = (ctypes.c_uint32 * 2)(0x20080522), (ctypes.c_uint32 * 6)()
assert libc.capget(header, sets) == 0
for index in range(3):
    sets[index] &= ~0b110
assert libc.capset(header, sets) == 0
"""
FOLDER = "models/hub/models--org--text"


@pytest.fixture
def project(tmp_path: Path, hub: Hub) -> Iterator[Project]:
    """A project whose hub directory is complete."""
    if sys.platform == "win32" or (os.geteuid() == 0 and sys.platform != "linux"):
        pytest.skip("needs files that a process cannot read")
    hub.add("org/text", FILES)
    project = Project(tmp_path, hub, model("text", "org/text"))
    project.lock()
    assert run(project, "fetch").returncode == 0
    yield project
    for path in tmp_path.rglob("*"):
        if not path.is_symlink():
            path.chmod(0o755)


def run(project: Project, *args: str) -> subprocess.CompletedProcess[str]:
    # The PATH is the project's: the host's `docker` would answer differently from one command to the next.
    environment = os.environ | project.environment | {"PYTHONPATH": prepared_interpreter.COMPILER}
    before = _UNPRIVILEGED if os.geteuid() == 0 else ""
    return prepared_interpreter.run("modelgen", *args, cwd=project.folder, env=environment, before=before)


CASES = {
    "a lock": ("models.lock", [["lock"], ["lock", "--offline"], ["fetch"], ["verify"]]),
    "a ref": (f"{FOLDER}/refs/main", [["lock", "--offline", "--upgrade"], ["fetch"]]),
    "a listing": (f"{FOLDER}/trees/*.json", [["lock", "--offline", "--upgrade"], ["fetch"]]),
    "a blob": (f"{FOLDER}/blobs/{'[0-9a-f]' * 64}", [["lock", "--offline", "--upgrade"]]),
    "a snapshot": (f"{FOLDER}/snapshots/*", [["lock", "--offline", "--upgrade"]]),
}


@pytest.mark.parametrize(("pattern", "commands"), CASES.values(), ids=CASES.keys())
def test_it_is_called_unreadable(project: Project, pattern: str, commands: list[list[str]]) -> None:
    [path] = project.folder.glob(pattern)
    before = project.path.read_bytes()
    path.chmod(0)
    for command in commands:
        done = run(project, *command)
        assert done.returncode == 3, (command, done.stdout, done.stderr)
        assert "cannot read " in done.stderr, (command, done.stderr)
        assert (path.name if "blobs" not in pattern else "model.safetensors") in done.stderr
        assert "permission denied" in done.stderr.lower()
        assert "cannot write" not in done.stderr
        assert "Traceback" not in done.stderr
    path.chmod(0o755)
    assert project.path.read_bytes() == before


def test_a_file_that_cannot_be_read_is_not_removed(project: Project) -> None:
    [blob] = project.folder.glob(f"{FOLDER}/blobs/{'[0-9a-f]' * 64}")
    shutil.rmtree(project.hub_folder / ".locks")  # so that it has to be hashed
    blob.chmod(0)
    done = run(project, "fetch")
    assert done.returncode == 3
    assert "modelgen: text: org/text: cannot read " in done.stderr
    assert blob.exists()


def test_a_source_of_add(project: Project) -> None:
    source = project.folder / "source"
    source.mkdir()
    for name, data in FILES.items():
        assert isinstance(data, bytes)
        (source / name).write_bytes(data)
    (source / "tokenizer.json").chmod(0)
    done = run(project, "add", "source", "--as", "local/ft")
    assert done.returncode in (1, 3)
    assert "tokenizer.json cannot be read" in done.stderr or "cannot read" in done.stderr
    assert "cannot write" not in done.stderr


def test_a_folder_that_cannot_be_written_is_still_called_that(project: Project) -> None:
    project.path.unlink()
    project.folder.chmod(0o555)
    done = run(project, "lock")
    assert done.returncode == 3
    assert "cannot write models.lock: permission denied; make its directory writable" in done.stderr


def test_bytes_that_the_disk_does_not_give(tmp_path: Path) -> None:
    whole = tmp_path / "whole"
    whole.touch()
    assert was_reading(ReadError(errno.EIO, "input/output error"), whole)
    assert not was_reading(OSError(errno.ENOSPC, "no space"), whole)
    assert not was_reading(OSError(errno.EACCES, "permission denied"), tmp_path / "missing")
