"""What `modelgen prune` keeps although no snapshot has it yet, and what it removes of snapshots that stay."""

from __future__ import annotations

import json
import os
import shutil
from typing import TYPE_CHECKING, Any

import pytest

from hub_project import locked_file
from sharing import REPO, Sharing, files_of, two_projects

if TYPE_CHECKING:
    from pathlib import Path

    from hub_double import Hub

OWN = ".locks/modelgen"


def things(project: Sharing, *args: str) -> dict[str, Any]:
    done = project.run("prune", "--dry-run", "--format", "json", *args)
    assert done.returncode == 0, done.stderr
    return {thing["path"]: thing for thing in json.loads(done.stdout)["things"]}


def write(path: Path, data: bytes = b"x" * 5000) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)


def test_an_interrupted_download_that_a_lock_needs_stays(hub: Hub, tmp_path: Path) -> None:
    first, second = two_projects(hub, tmp_path)
    etag = first.snapshots[0].by_path["model.safetensors"].etag
    kept = [f"{REPO}/blobs/{etag}.incomplete", f"{REPO}/blobs/{etag}.abcdef01.incomplete"]
    kept += [f"{OWN}/partial/{REPO}/{etag}", f"{OWN}/partial/{REPO}/{etag}.spans"]
    gone = [f"{REPO}/blobs/{'1' * 64}.abcdef01.incomplete", f"{OWN}/partial/{REPO}/{'1' * 64}.spans"]
    for path in (*kept, *gone):
        write(first.hub / path)
    found = things(second)
    assert {*found} == {*gone}
    assert all(thing["why"].startswith("interrupted download") for thing in found.values())
    assert second.run("prune", "--yes").returncode == 0
    assert all((first.hub / path).exists() for path in kept)
    assert not any((first.hub / path).exists() for path in gone)


def test_forget_with_dry_run_forgets_nothing_and_lists_what_would_go(hub: Hub, tmp_path: Path) -> None:
    first, second = two_projects(hub, tmp_path)
    lock = f"{second.folder}/models.lock"
    before = {path.name: path.read_bytes() for path in (first.hub / OWN / "locks").iterdir()}
    found = things(first, "--forget", lock)
    assert [*found] == [f"{REPO}/snapshots/{second.snapshots[0].commit}"]
    assert {path.name: path.read_bytes() for path in (first.hub / OWN / "locks").iterdir()} == before
    assert things(first) == {}
    own = things(first, "--forget", f"{first.folder}/models.lock")
    assert own == {}  # the lock beside models.toml protects, registered or not


def test_a_listing_is_named_by_its_file(hub: Hub, tmp_path: Path) -> None:
    first, _ = two_projects(hub, tmp_path)
    write(first.hub / REPO / "trees" / f"{'e' * 40}.json")
    found = things(first)
    assert [*found] == [f"{REPO}/trees/{'e' * 40}.json"]
    assert found[f"{REPO}/trees/{'e' * 40}.json"]["why"] == "listing of a missing snapshot"


def another_form(hub: Hub, tmp_path: Path, *, links: bool = True) -> tuple[Sharing, list[Path]]:
    """Return a project whose lock has moved on to another form of the same commit, and the files of the old form."""
    files = {**files_of(b"new" * 9000), "old-1.safetensors": b"1" * 50_000, "old-2.safetensors": b"2" * 50_000}
    project = Sharing(tmp_path / "project", hub, tmp_path / "hub")
    entry = project.want("org/model", files, hub.add("org/model", files))
    project.fetch()
    if not links:
        for path in project.snapshot(entry).iterdir():
            data = path.read_bytes()
            path.unlink()
            path.write_bytes(data)
        shutil.rmtree(project.hub / REPO / "blobs")
    kept = [locked_file(path, data) for path, data in files.items() if not path.startswith("old-")]
    project.snapshots[0] = entry.model_copy(update={"files": kept, "left_out": ["old-*.safetensors"]})
    project.write()
    project.fetch()
    return project, [project.snapshot(entry) / f"old-{number}.safetensors" for number in (1, 2)]


@pytest.mark.parametrize("links", [True, False])
def test_the_old_form_of_a_locked_snapshot_goes(hub: Hub, tmp_path: Path, *, links: bool) -> None:
    project, old = another_form(hub, tmp_path, links=links)
    blobs = [path.resolve() for path in old]
    mine = old[0].with_name("old-mine.safetensors")
    write(mine, b"precious")
    found = things(project)
    assert [*found] == [path.relative_to(project.hub).as_posix() for path in old]
    assert all(thing["why"].startswith("left-out file of org/model") for thing in found.values())
    assert all(thing["bytes"] >= 50_000 for thing in found.values())
    assert project.run("prune", "--yes").returncode == 0
    assert not any(path.exists() for path in (*old, *blobs))
    assert mine.read_bytes() == b"precious"
    mine.unlink()
    assert project.verify() == (0, [])
    assert project.damage() == [] or not links
    assert things(project) == {}


def test_a_file_that_somebody_put_in_the_place_of_an_old_one_stays(hub: Hub, tmp_path: Path) -> None:
    project, old = another_form(hub, tmp_path, links=False)
    old[0].write_bytes(b"m" * 50_000)  # as large as the right one
    old[1].unlink()
    old[1].symlink_to("/dev/null")
    assert things(project) == {}


def test_the_old_form_stays_while_another_lock_needs_it(hub: Hub, tmp_path: Path) -> None:
    project, _ = another_form(hub, tmp_path)
    other = Sharing(tmp_path / "other", hub, project.hub)
    data = {"old-1.safetensors": b"1" * 50_000}
    other.want("org/model", {**files_of(b"new" * 9000), **data}, project.snapshots[0].commit)
    other.fetch()
    assert [path.rpartition("/")[2] for path in things(project)] == ["old-2.safetensors"]


def test_the_old_form_stays_while_a_build_is_older_than_its_lock(hub: Hub, tmp_path: Path) -> None:
    project, old = another_form(hub, tmp_path)
    compose = project.folder / "build/docker-compose.yml"
    write(compose, f"command: [--revision, {project.snapshots[0].commit}]\n".encode())
    os.utime(compose, (1, 1))
    assert things(project) == {}
    assert "may need its left-out files; run `modelgen build`" in project.run("prune").stderr
    os.utime(compose)
    assert len(things(project)) == len(old)


def test_what_was_moved_aside_as_foreign_stays_without_local(hub: Hub, tmp_path: Path) -> None:
    first, _ = two_projects(hub, tmp_path)
    snapshot = f"{REPO}/snapshots/{first.snapshots[0].commit}"
    write(first.hub / OWN / "aside" / snapshot / "mine.gguf")
    write(first.hub / OWN / "aside" / snapshot / "config.json")
    write(first.hub / OWN / "aside" / snapshot / "config.json.1")
    replaced = {f"{OWN}/aside/{snapshot}/{name}" for name in ("config.json", "config.json.1")}
    assert {*things(first)} == replaced
    assert {*things(first, "--local")} == {*replaced, f"{OWN}/aside/{snapshot}/mine.gguf"}
    assert first.run("prune", "--yes").returncode == 0
    assert (first.hub / OWN / "aside" / snapshot / "mine.gguf").exists()
    assert first.run("prune", "--yes", "--local").returncode == 0
    assert not (first.hub / OWN / "aside").exists()


def test_a_local_model_whose_files_have_other_names_says_what_local_would_free(hub: Hub, tmp_path: Path) -> None:
    first, _ = two_projects(hub, tmp_path)
    blob = first.hub / "models--local--ft/blobs" / ("a" * 64)
    write(blob)
    os.link(blob, tmp_path / "source")
    snapshot = first.hub / "models--local--ft/snapshots" / ("e" * 40)
    snapshot.mkdir(parents=True)
    (snapshot / "model.safetensors").symlink_to(f"../../blobs/{'a' * 64}")
    write(first.hub / "models--local--ft/refs/main", b"e" * 40)
    with_local = things(first, "--local")
    done = first.run("prune", "--dry-run", "--format", "json")
    assert {thing["path"]: thing for thing in json.loads(done.stdout)["local"]} == with_local
    assert with_local["models--local--ft"]["bytes"] > 0
