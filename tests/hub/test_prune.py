"""`modelgen prune`: what no registered lock needs goes, and nothing else."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest

from compiling import modelgen
from sharing import REPO, Sharing, blocks, files_of, two_projects

if TYPE_CHECKING:
    from pathlib import Path

    from hub_double import Hub


def upgrade(project: Sharing, hub: Hub, weights: bytes) -> None:
    """Move the lock of a project to a new commit, and fetch it."""
    files = files_of(weights)
    project.snapshots.clear()
    project.want("org/model", files, hub.add("org/model", files))
    project.fetch()


def listed(project: Sharing, *args: str) -> dict[str, Any]:
    done = project.run("prune", "--dry-run", "--format", "json", *args)
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def paths(project: Sharing, *args: str) -> list[str]:
    return [thing["path"] for thing in listed(project, *args)["things"]]


def test_what_no_lock_needs_goes_and_both_projects_keep_theirs(hub: Hub, tmp_path: Path) -> None:
    first, second = two_projects(hub, tmp_path)
    old = first.snapshots[0]
    upgrade(first, hub, b"new" * 20_000)
    before = blocks(first.hub)
    done = second.run("prune", "--yes")
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith(f"{REPO}/snapshots/{old.commit}\n  snapshot, ")
    assert f"modelgen: {before - blocks(first.hub):,} bytes freed" in done.stderr
    names = {path.name for path in (first.hub / REPO / "blobs").iterdir()}
    assert names == {file.etag for project in (first, second) for file in project.snapshots[0].files}
    for folder, suffix in (("snapshots", ""), ("trees", ".json"), ("refs/modelgen", "")):
        left = {path.name for path in (first.hub / REPO / folder).iterdir()}
        assert left == {f"{project.snapshots[0].commit}{suffix}" for project in (first, second)}
    assert first.verify() == (0, [])
    assert second.verify()[0] == 0
    assert "nothing to remove" in second.run("prune").stderr


def test_without_a_registered_lock_it_refuses(hub: Hub, tmp_path: Path) -> None:
    first, _ = two_projects(hub, tmp_path)
    shutil.rmtree(first.hub / ".locks/modelgen/locks")
    done = first.run("prune", "--yes")
    assert done.returncode == 1
    assert "no models.lock is registered" in done.stderr
    assert "run `modelgen fetch` beside each" in done.stderr
    first.fetch()
    assert paths(first) != []


def test_without_a_terminal_it_lists_and_removes_nothing(hub: Hub, tmp_path: Path) -> None:
    first, _ = two_projects(hub, tmp_path)
    old = first.snapshots[0]
    upgrade(first, hub, b"new")
    done = first.run("prune")
    assert done.returncode == 1
    assert old.commit in done.stdout
    assert "nothing was removed; with --yes " in done.stderr
    assert first.run("prune", "--dry-run", "--yes").returncode == 0
    assert first.snapshot(old).is_dir()


def test_on_a_terminal_it_asks(hub: Hub, tmp_path: Path) -> None:
    import pty

    first, _ = two_projects(hub, tmp_path)
    old = first.snapshots[0]
    upgrade(first, hub, b"new")
    for answer, is_there in ((b"n\n", True), (b"y\n", False)):
        ours, theirs = pty.openpty()
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
        command = [sys.executable, "-m", "modelgen", "prune"]
        process = subprocess.Popen(
            command, stdin=theirs, stdout=theirs, stderr=theirs, cwd=first.folder, env=environment
        )
        os.close(theirs)
        os.write(ours, answer)
        assert process.wait() == int(is_there)
        os.close(ours)
        assert first.snapshot(old).is_dir() == is_there


def test_a_lock_on_another_host_protects_until_it_is_forgotten(hub: Hub, tmp_path: Path) -> None:
    first, second = two_projects(hub, tmp_path)
    for entry in (first.hub / ".locks/modelgen/locks").iterdir():
        written = json.loads(entry.read_text())
        if written["path"].startswith(str(second.folder)):
            entry.write_text(json.dumps({**written, "host": "elsewhere"}))
    shutil.rmtree(second.folder)
    assert listed(first)["things"] == []
    assert "is on another host" in first.run("prune").stderr
    unknown = first.run("prune", "--forget", "/nowhere/models.lock")
    assert unknown.returncode == 2
    assert f"elsewhere:{second.folder}/models.lock" in unknown.stderr
    assert first.run("prune", "--forget", f"elsewhere:{second.folder}/models.lock").returncode == 0
    assert first.run("prune", "--yes").returncode == 0
    assert not second.snapshot(second.snapshots[0]).exists()
    assert first.verify() == (0, [])  # the name that the other one had is its own again


def test_a_lock_in_a_folder_that_is_gone_or_that_is_broken_protects(hub: Hub, tmp_path: Path) -> None:
    first, second = two_projects(hub, tmp_path)
    (second.folder / "models.lock").write_text("<<<<<<< ours\n")
    found = listed(first)
    assert found["things"] == []
    assert "is damaged" in next(lock["fault"] for lock in found["locks"] if lock["fault"])
    shutil.rmtree(second.folder)
    found = listed(first)
    assert found["things"] == []
    assert "no such file" in next(lock["fault"] for lock in found["locks"] if lock["fault"])


def test_a_lock_that_moved_on_since_its_fetch_protects_both(hub: Hub, tmp_path: Path) -> None:
    first, second = two_projects(hub, tmp_path)
    files = files_of(bytes([0]) * 50_000)
    second.snapshots[:] = [first.snapshots[0]]
    second.write()
    first.snapshots.clear()
    first.want("org/other", files, "a" * 40)
    assert paths(first) == []


def test_what_a_build_beside_the_lock_serves_stays(hub: Hub, tmp_path: Path) -> None:
    first, _ = two_projects(hub, tmp_path)
    old = first.snapshots[0]
    (first.folder / "build").mkdir()
    (first.folder / "build/docker-compose.yml").write_text(f"command: [--revision, {old.commit}]\n")
    upgrade(first, hub, b"new")
    assert paths(first) == []
    (first.folder / "build/docker-compose.yml").write_text("")
    assert paths(first)[0] == f"{REPO}/snapshots/{old.commit}"


def test_a_damaged_entry_of_the_registry_stops_it(hub: Hub, tmp_path: Path) -> None:
    first, _ = two_projects(hub, tmp_path)
    entry = first.hub / ".locks/modelgen/locks" / f"{'0' * 32}.json"
    for data in (b"", b"[" * 100_000, b'{"format": 1}', b"\xff"):
        entry.write_bytes(data)
        done = first.run("prune", "--yes")
        assert done.returncode == 1
        assert f"{entry} is damaged" in done.stderr


def test_a_repository_of_another_program_is_called_that(hub: Hub, tmp_path: Path) -> None:
    first, _ = two_projects(hub, tmp_path)
    for folder in ("models--other--one", "datasets--other--one", "spaces--other--one"):
        (first.hub / folder / "snapshots" / ("e" * 40)).mkdir(parents=True)
        (first.hub / folder / "snapshots" / ("e" * 40) / "file").write_bytes(b"x" * 5000)
    (thing,) = listed(first)["things"]
    assert (thing["kind"], thing["path"]) == ("repository", "models--other--one")
    assert "another program may use it" in thing["why"]
    assert first.run("prune", "--yes").returncode == 0
    left = {path.name for path in first.hub.iterdir() if path.is_dir()}
    assert left == {".locks", "datasets--other--one", REPO, "spaces--other--one"}


def test_a_local_model_stays_without_local(hub: Hub, tmp_path: Path) -> None:
    first, _ = two_projects(hub, tmp_path)
    snapshot = first.hub / "models--local--ft/snapshots" / ("e" * 40)
    snapshot.mkdir(parents=True)
    (snapshot / "model.safetensors").write_bytes(b"precious" * 1000)
    found = listed(first)
    assert found["things"] == []
    assert [thing["path"] for thing in found["local"]] == ["models--local--ft"]
    assert found["local"][0]["bytes"] >= 8000
    assert first.run("prune", "--yes").returncode == 0
    assert snapshot.is_dir()
    assert first.run("prune", "--yes", "--local").returncode == 0
    assert not snapshot.parents[1].exists()


def test_own_leftovers_go(hub: Hub, tmp_path: Path) -> None:
    first, _ = two_projects(hub, tmp_path)
    etag = first.snapshots[0].by_path["model.safetensors"].etag
    own = first.hub / ".locks/modelgen"
    left = [f"partial/{REPO}/{'0' * 64}", f"assets/{'0' * 64}/vocab", "adding/0", "pruned/1/folder/file"]
    for name in (*left, f"partial/{REPO}/{etag}"):
        (own / name).parent.mkdir(parents=True, exist_ok=True)
        (own / name).write_bytes(b"x" * 5000)
    incomplete = first.hub / REPO / "blobs" / f"{'1' * 64}.abcdef01.incomplete"
    incomplete.write_bytes(b"x" * 5000)
    before = blocks(first.hub)
    done = first.run("prune", "--yes")
    assert f"{before - blocks(first.hub):,} bytes freed" in done.stderr
    assert not any((own / name).exists() for name in left)
    assert not incomplete.exists()
    assert (own / "partial" / REPO / etag).exists()


def test_a_repository_into_which_another_program_downloads_stays(hub: Hub, tmp_path: Path) -> None:
    from filelock import FileLock

    first, _ = two_projects(hub, tmp_path)
    old = first.snapshots[0]
    upgrade(first, hub, b"new")
    lock = first.hub / ".locks" / REPO / f"{'1' * 64}.lock"
    lock.parent.mkdir(exist_ok=True)
    with FileLock(lock):
        found = listed(first)
        assert found["things"] == []
        assert found["left"] == [{"path": REPO, "why": "another program downloads into it"}]
    assert paths(first)[0] == f"{REPO}/snapshots/{old.commit}"


@pytest.mark.parametrize("way", ["hard link", "link from another repository"])
def test_a_content_with_another_name_frees_nothing(hub: Hub, tmp_path: Path, way: str) -> None:
    first, _ = two_projects(hub, tmp_path)
    blob = first.blob(first.snapshots[0], "model.safetensors")
    upgrade(first, hub, b"new")
    if way == "hard link":
        os.link(blob, tmp_path / "source")
    else:
        other = first.hub / "datasets--a--b/blobs/x"
        other.parent.mkdir(parents=True)
        other.symlink_to(os.path.relpath(blob, other.parent))
    before = blocks(tmp_path)
    done = first.run("prune", "--yes")
    assert f"{before - blocks(tmp_path):,} bytes freed" in done.stderr
    assert blob.exists() == (way != "hard link")
    assert not first.hub.joinpath(REPO, "snapshots", "gone").exists()


def test_links_are_never_followed(hub: Hub, tmp_path: Path) -> None:
    first, _ = two_projects(hub, tmp_path)
    outside = tmp_path / "outside"
    for folder in ("blobs", "snapshots", "refs", "trees"):
        (outside / folder / ("e" * 40)).mkdir(parents=True)
        (outside / folder / ("e" * 40) / "file").write_bytes(b"precious")
        (outside / folder / "file").write_bytes(b"precious")
    (first.hub / "models--a--link").symlink_to(outside)
    for folder in ("blobs", "snapshots", "refs", "trees"):
        repo = first.hub / f"models--a--{folder}"
        (repo / "snapshots" / ("f" * 40)).mkdir(parents=True)
        if folder == "snapshots":
            shutil.rmtree(repo / folder)
        (repo / folder).symlink_to(outside / folder)
    inside = first.hub / "models--a--inside/snapshots" / ("f" * 40)
    inside.mkdir(parents=True)
    (inside / "folder").symlink_to(outside / "blobs")
    (inside.parent / ("e" * 40)).symlink_to(outside / "snapshots")
    partial = first.hub / ".locks/modelgen/partial"
    shutil.rmtree(partial, ignore_errors=True)
    partial.symlink_to(outside / "blobs")
    done = first.run("prune", "--yes")
    assert done.returncode == 0, done.stderr
    assert len([path for path in outside.rglob("file") if path.read_bytes() == b"precious"]) == 8
    assert not (first.hub / "models--a--inside").exists()
    assert first.verify()[0] == 0


_KILLED = """
import os, sys
left = int(sys.argv.pop(1))
def count(event, arguments):
    global left
    if event in ("os.remove", "os.rename", "os.rmdir", "shutil.rmtree"):
        left -= 1
        if left < 0:
            os._exit(9)
sys.addaudithook(count)
"""


def test_killed_at_any_moment_what_stays_is_whole_and_the_next_run_finishes(hub: Hub, tmp_path: Path) -> None:
    first, second = two_projects(hub, tmp_path)
    upgrade(first, hub, b"new" * 9000)
    (first.hub / "models--other--one/snapshots" / ("e" * 40)).mkdir(parents=True)
    whole = tmp_path / "whole"
    shutil.copytree(first.hub, whole, symlinks=True)
    for steps in range(100):
        shutil.rmtree(first.hub)
        shutil.copytree(whole, first.hub, symlinks=True)
        code = modelgen(str(steps), "prune", "--yes", cwd=first.folder, before=_KILLED).returncode
        assert first.verify("--quick")[0] == 0
        assert second.verify("--quick")[0] == 0
        for snapshot in (first.hub / REPO / "snapshots").iterdir():
            assert all(path.exists() for path in snapshot.iterdir()), steps
        assert first.run("prune", "--yes").returncode == 0
        assert len([*(first.hub / REPO / "blobs").iterdir()]) == 3
        assert not (first.hub / ".locks/modelgen/pruned").exists()
        assert not (first.hub / "models--other--one").exists()
        if code == 0:
            break
    else:
        pytest.fail("it never came to its end")
