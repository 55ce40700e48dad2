"""What fetch believes of a hub directory: no size, no name, and no link, only a hash that was seen."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from hub_double.child import hf
from hub_project import project

if TYPE_CHECKING:
    from pathlib import Path

    from hub_double import Hub
    from hub_project import Project

FILES = {"config.json": b"{}", "model.safetensors": b"w" * 40_000, "tokenizer.json": b"[1]"}


@pytest.fixture
def models(tmp_path: Path, hub: Hub) -> Project:
    return project(tmp_path, hub, {"org/m": FILES})


def test_what_another_client_left_damaged_is_noticed_and_fetched(models: Project, hub: Hub) -> None:
    """A kill between the client's download and our hash leaves the same: a right name with a wrong content."""
    hub.faults.corrupt(5000, path="*model.safetensors")
    assert hf(hub, "download", "org/m", "--cache-dir", str(models.hub)).returncode == 0
    done = models.run("fetch")
    assert done.returncode == 0, done.stderr
    assert "org/m: model.safetensors is damaged here" in done.stderr
    assert models.damage() == []


def test_what_another_client_left_right_is_hashed_once_and_asked_of_nobody(models: Project, hub: Hub) -> None:
    assert hf(hub, "download", "org/m", "--cache-dir", str(models.hub)).returncode == 0
    hub.clear()
    assert models.run("fetch").returncode == 0
    assert models.run("fetch").returncode == 0
    assert hub.requests == []


def test_a_content_that_changes_in_place_is_noticed(models: Project) -> None:
    assert models.run("fetch").returncode == 0
    blob = models.blob(models.snapshots[0], "model.safetensors")
    blob.write_bytes(b"x" * blob.stat().st_size)
    assert "model.safetensors is damaged here" in models.run("fetch").stderr
    assert models.damage() == []


def test_a_link_to_another_blob_of_the_same_size_is_noticed(tmp_path: Path, hub: Hub) -> None:
    models = project(tmp_path, hub, {"org/m": {"a.safetensors": b"a" * 9000, "b.safetensors": b"b" * 9000}})
    assert models.run("fetch").returncode == 0
    pointer = models.snapshot(models.snapshots[0]) / "a.safetensors"
    pointer.unlink()
    pointer.symlink_to(f"../../blobs/{models.snapshots[0].by_path['b.safetensors'].etag}")
    assert models.run("fetch").returncode == 0
    assert models.damage() == []


@pytest.mark.parametrize("linked", ["snapshots/{commit}", "snapshots", "blobs", "."])
def test_nothing_is_written_or_removed_through_a_link(models: Project, hub: Hub, tmp_path: Path, linked: str) -> None:
    mine = tmp_path / "mine"
    mine.mkdir()
    (mine / "config.json").write_text("{'my': 'own'}")
    (mine / "model.safetensors").write_text("short")
    folder = models.hub / "models--org--m" / linked.format(commit=models.snapshots[0].commit)
    folder.parent.mkdir(parents=True)
    folder.symlink_to(mine)
    done = models.run("fetch")
    assert done.returncode == 3
    assert f"{folder} is a link, which is broken in a container" in done.stderr
    assert sorted(path.name for path in mine.iterdir()) == ["config.json", "model.safetensors"]
    assert hub.requests == []


def test_events_tell_the_end_and_what_failed(models: Project, hub: Hub) -> None:
    hub.faults.status(404, path="*tokenizer.json", count=None)
    events = [json.loads(line) for line in models.run("fetch", "--format", "json").stdout.splitlines()]
    assert [event["event"] for event in events][-2:] == ["failed", "done"]
    assert "tokenizer.json" in events[-2]["text"]
    hub.faults.clear()
    models.run("fetch")
    [event] = [json.loads(line) for line in models.run("fetch", "--format", "json").stdout.splitlines()]
    assert event == {"event": "done", "files": 0, "bytes": 0}
