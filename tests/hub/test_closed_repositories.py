"""A repository or a registry that this user cannot read stops no command for the others, and is called unreadable."""

from __future__ import annotations

import json
import os
import shutil
import sys
from typing import TYPE_CHECKING

import pytest
from test_read_errors import FILES, run

from lock_project import Project, model

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from hub_double import Hub


@pytest.fixture
def project(tmp_path: Path, hub: Hub) -> Iterator[Project]:
    """A project with two complete models."""
    if sys.platform == "win32" or (os.geteuid() == 0 and sys.platform != "linux"):
        pytest.skip("needs files that a process cannot read")
    for name in ("one", "two"):
        hub.add(f"org/{name}", {**FILES, "config.json": b'{"model_type": "qwen3", "name": "%s"}' % name.encode()})
    project = Project(tmp_path, hub, model("one", "org/one") + model("two", "org/two"))
    project.lock()
    assert run(project, "fetch").returncode == 0
    yield project
    for path in tmp_path.rglob("*"):
        if not path.is_symlink():
            path.chmod(0o755)


@pytest.mark.parametrize("folder", ["", "snapshots", "snapshots/*", "blobs", "refs", "trees"])
def test_one_closed_folder_stops_nothing_else(project: Project, folder: str) -> None:
    repo = project.hub_folder / "models--org--one"
    [closed] = repo.glob(folder) if folder else [repo]
    [config] = (project.hub_folder / "models--org--two").glob("snapshots/*/config.json")
    config.unlink()
    closed.chmod(0)
    for args in ([], ["--fix"]):
        done = run(project, "verify", "--format", "json", *args)
        assert done.returncode in (0, 1), done.stderr  # the owner can open some again
        found = json.loads(done.stdout)["findings"]
        if folder not in ("refs", "trees"):
            assert any(one["severity"] == "error" and "one" in one["models"] for one in found), found
        assert any(one["models"] == ["two"] and "is missing" in one["message"] for one in found)
        if not args:
            closed.chmod(0)
    closed.chmod(0)
    config.unlink(missing_ok=True)
    done = run(project, "fetch")
    assert done.returncode == 1
    assert f"one: org/one: cannot read {closed}: permission denied; run `chmod " in done.stderr
    assert config.exists()


def test_a_closed_registry_is_a_note_for_verify_and_a_read_error_for_prune(project: Project) -> None:
    locks = project.hub_folder / ".locks/modelgen/locks"
    [snapshot] = (project.hub_folder / "models--org--one").glob("snapshots/*")
    locks.chmod(0)
    done = run(project, "verify", "--format", "json")
    assert done.returncode == 0, done.stderr
    [note] = json.loads(done.stdout)["findings"]
    assert (note["severity"], note["path"]) == ("note", ".locks/modelgen/locks")
    (snapshot / "other.json").write_bytes(b"{}")  # may be another project's
    done = run(project, "verify", "--fix")
    assert done.returncode == 1
    assert "another project may need this" in done.stdout
    assert (snapshot / "other.json").exists()
    for args in (["--dry-run"], ["--yes"]):
        done = run(project, "prune", *args)
        assert done.returncode == 3
        assert f"cannot read {locks}: permission denied" in done.stderr
        assert "cannot write" not in done.stderr
        assert "cannot change" not in done.stderr


def test_prune_calls_what_it_cannot_read_unreadable(project: Project) -> None:
    closed = project.hub_folder / "models--org--one/snapshots"
    closed.chmod(0)
    for args in (["--dry-run"], ["--yes"]):
        done = run(project, "prune", *args)
        assert done.returncode == 3
        assert "cannot read " in done.stderr
        assert "cannot change" not in done.stderr
    closed.chmod(0o755)
    [entry] = (project.hub_folder / ".locks/modelgen/locks").iterdir()
    entry.chmod(0)
    done = run(project, "prune", "--yes")
    assert done.returncode == 3
    assert f"cannot read {entry}: permission denied" in done.stderr


def test_prune_lists_where_it_cannot_write(project: Project) -> None:
    (project.hub_folder / "models--org--other/snapshots" / ("e" * 40)).mkdir(parents=True)
    for path in (project.hub_folder, *project.hub_folder.rglob("*")):
        if path.is_dir():
            path.chmod(0o555)
    done = run(project, "prune", "--dry-run")
    project.hub_folder.chmod(0o755)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("models--org--other\n")


def test_verify_does_not_advise_to_remove_a_local_model(project: Project) -> None:
    (project.hub_folder / "models--local--ft/snapshots" / ("e" * 40)).mkdir(parents=True)
    done = run(project, "verify", "--quick")
    assert done.returncode == 0
    assert "models--local--ft is a repository that models.lock does not have\n  keep it: there may be" in done.stdout
    assert "prune" not in done.stdout


def hashed_again(project: Project) -> None:
    """Forget what was hashed, so that the next fetch reads every file."""
    (project.hub_folder / ".locks/modelgen/seen.json").unlink()


@pytest.mark.parametrize("has_refs", [True, False])
def test_one_unreadable_blob_stops_no_other_repository(project: Project, *, has_refs: bool) -> None:
    """Without its refs the snapshot has to be finished again, which opens every file of it."""
    repo = project.hub_folder / "models--org--one"
    [closed] = repo.glob(f"blobs/{'[0-9a-f]' * 64}")
    [config] = (project.hub_folder / "models--org--two").glob("snapshots/*/config.json")
    config.unlink()
    if has_refs:
        hashed_again(project)
    else:
        shutil.rmtree(repo / "refs")
    closed.chmod(0)
    done = run(project, "fetch")
    assert done.returncode == 1, done.stderr
    assert f"modelgen: one: org/one: cannot read {closed}: permission denied; run `chmod " in done.stderr
    assert done.stderr.count("cannot read") == 1
    assert config.exists()
    assert closed.exists()
    closed.chmod(0o644)
    assert run(project, "fetch").returncode == 0


def test_one_unreadable_blob_is_reported_where_all_else_is_complete(project: Project) -> None:
    [closed] = project.hub_folder.glob(f"models--org--one/blobs/{'[0-9a-f]' * 64}")
    hashed_again(project)
    closed.chmod(0)
    for _ in range(2):
        done = run(project, "fetch")
        assert done.returncode == 1, done.stderr
        assert f"cannot read {closed}: permission denied" in done.stderr


def test_unreadable_blobs_everywhere(project: Project) -> None:
    hashed_again(project)
    for closed in project.hub_folder.glob(f"models--org--*/blobs/{'[0-9a-f]' * 64}"):
        closed.chmod(0)
    done = run(project, "fetch")
    assert done.returncode == 3, done.stderr
    assert [line[:22] for line in done.stderr.splitlines()] == ["modelgen: one: org/one", "modelgen: two: org/two"]


def test_an_unreadable_blob_that_would_be_used_again_stops_no_other_repository(project: Project) -> None:
    repo = project.hub_folder / "models--org--one"
    [closed] = repo.glob(f"blobs/{'[0-9a-f]' * 64}")
    [pointer] = repo.glob("snapshots/*/model.safetensors")
    [config] = (project.hub_folder / "models--org--two").glob("snapshots/*/config.json")
    for path in (config, pointer):
        path.unlink()
    hashed_again(project)
    closed.chmod(0)
    done = run(project, "fetch")
    assert done.returncode == 1, done.stderr
    assert f"modelgen: one: org/one: cannot read {closed}: permission denied" in done.stderr
    assert config.exists()


@pytest.mark.parametrize(("mode", "verb"), [(0, "read"), (0o555, "write")])
def test_one_closed_folder_inside_a_snapshot_stops_no_other_repository(
    tmp_path: Path, hub: Hub, mode: int, verb: str
) -> None:
    if sys.platform == "win32" or (os.geteuid() == 0 and sys.platform != "linux"):
        pytest.skip("needs files that a process cannot read")
    for name in ("one", "two"):
        hub.add(f"org/{name}", {**FILES, "assets/extra.json": name.encode()})
    project = Project(tmp_path, hub, model("one", "org/one") + model("two", "org/two"))
    project.lock()
    assert run(project, "fetch").returncode == 0
    [closed] = project.hub_folder.glob("models--org--one/snapshots/*/assets")
    [config] = project.hub_folder.glob("models--org--two/snapshots/*/config.json")
    for path in (config, closed / "extra.json"):
        path.unlink()
    closed.chmod(mode)
    done = run(project, "fetch")
    closed.chmod(0o755)
    assert done.returncode == 1, done.stderr
    assert f"cannot {verb} {closed}: " in done.stderr
    assert config.exists()
