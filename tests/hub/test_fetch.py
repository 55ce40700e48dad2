"""`modelgen fetch` where nothing goes wrong: what it makes, what it prints, and whom it asks."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from compiling import REPOSITORY
from hub_double.child import ask
from hub_project import Project, project

if TYPE_CHECKING:
    from hub_double import Hub

FILES = {
    "config.json": b"{}",
    "empty": b"",
    "deep/er/model.safetensors": bytes(20_000),
    "twice.safetensors": bytes(20_000),
    "a space/ünï cödé [1].txt": b"text",
}


@pytest.fixture
def models(hub: Hub, tmp_path: Path) -> Project:
    return project(tmp_path, hub, {"org/model": FILES, "gpt2": {"config.json": b"{}"}})


def fetched(models: Project, *args: str, **environment: str) -> subprocess.CompletedProcess[str]:
    done = models.run("fetch", *args, **environment)
    assert done.returncode == 0, done.stderr
    return done


def test_an_engine_finds_it_offline(hub: Hub, models: Project) -> None:
    done = fetched(models)
    assert done.stdout == ""
    assert done.stderr.endswith(f"{models.hub}: 6 files fetched, 20,008 bytes, hashes correct\n")
    assert models.damage() == []
    by_name, by_commit = ask(
        hub,
        "hf.snapshot_download('org/model')",
        f"hf.snapshot_download('org/model', revision='{models.snapshots[0].commit}')",
        HF_HUB_OFFLINE="1",
        HF_HUB_CACHE=str(models.hub),
    )
    assert by_name == by_commit == str(models.snapshot(models.snapshots[0]))


def test_a_repository_is_whole_by_itself(models: Project) -> None:
    fetched(models, HF_HUB_DISABLE_SHARED_BLOBS="0")
    folder = models.snapshot(models.snapshots[0]).parents[1]
    moved = models.folder / "moved"
    folder.rename(moved)
    links = [path for path in moved.rglob("*") if path.is_symlink()]
    assert len(links) == len(FILES)
    assert all(path.resolve(strict=True).parent == moved / "blobs" for path in links)
    assert len([*(moved / "blobs").iterdir()]) == len(FILES) - 1  # the same content is there once


def test_modes_do_not_depend_on_the_umask(models: Project) -> None:
    script = "import os, sys; os.umask(0o077); os.execv(sys.executable, [sys.executable, '-m', 'modelgen', 'fetch'])"
    done = subprocess.run(
        [sys.executable, "-c", script],
        cwd=models.folder,
        env={**models.environment, "PYTHONPATH": str(REPOSITORY / "compiler")},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert models.damage() == []
    for folder, _, names in os.walk(models.hub):
        for path in (Path(folder), *(Path(folder, name) for name in names)):
            wanted = 0o555 if path.is_dir() else 0o444
            assert path.stat().st_mode & wanted == wanted, path


def test_with_everything_there_nobody_is_asked(hub: Hub, models: Project) -> None:
    fetched(models)
    hub.clear()
    done = fetched(models, HF_ENDPOINT="http://127.0.0.1:1")
    assert done.stderr == f"{models.hub}: nothing is missing\n"
    assert hub.requests == []


def test_what_was_complete_is_looked_at_again(hub: Hub, models: Project) -> None:
    fetched(models)
    note = models.hub / ".locks/modelgen/seen.json"
    assert note.stat().st_mode & 0o777 == 0o644
    for text in ("", "[]", '{"key": 1}', note.read_text().replace("config.json", "gone")):
        note.write_text(text)
        assert fetched(models).stderr == f"{models.hub}: nothing is missing\n"
    models.want("org/more", {"config.json": b"[]"}, hub.add("org/more", {"config.json": b"[]"}))
    assert "1 file fetched" in fetched(models).stderr
    (models.snapshot(models.snapshots[0]) / "empty").unlink()
    assert "1 file linked without a download" in fetched(models).stderr
    models.blob(models.snapshots[0], "empty").unlink()
    assert "1 file fetched" in fetched(models).stderr
    assert models.damage() == []


def test_only_what_is_locked_comes(hub: Hub, tmp_path: Path) -> None:
    models = Project(tmp_path, hub.environment)
    commit = hub.add("org/model", {**FILES, "original/model.pth": bytes(50_000)})
    models.want("org/model", FILES, commit)
    fetched(models)
    assert models.damage() == []
    assert hub.bytes_sent("*.pth") == 0
    [incomplete] = ask(hub, "hf.snapshot_download('org/model')", HF_HUB_OFFLINE="1", HF_HUB_CACHE=str(models.hub))
    assert incomplete == str(models.snapshot(models.snapshots[0]))


def test_two_commits_of_one_repository(hub: Hub, tmp_path: Path) -> None:
    models = Project(tmp_path, hub.environment)
    old = hub.add("org/model", FILES)
    new = hub.add("org/model", {"config.json": b"[]"})
    hub.tag("org/model", "v1", old)
    models.want("org/model", {**FILES, "config.json": b"[]"}, new, model="new")
    models.want("org/model", FILES, old, model="old", revision="v1")
    fetched(models)
    assert models.damage() == []
    assert hub.bytes_sent("*.safetensors") == 20_000


def test_a_dry_run_brings_nothing(hub: Hub, models: Project) -> None:
    done = fetched(models, "--dry-run")
    assert done.stdout.splitlines() == ["20,006  5 files  org/model", "     2  1 file   gpt2"]
    assert done.stderr == "6 files, 20,008 bytes to fetch\n"
    told = json.loads(fetched(models, "--dry-run", "--format", "json").stdout)
    assert (told["bytes"], told["files"][0]) == (
        20_008,
        {"repo": "org/model", "file": "deep/er/model.safetensors", "bytes": 20_000},
    )
    assert hub.requests == []
    assert not models.hub.exists()


def test_without_a_terminal_there_is_a_line_for_each_repository(models: Project) -> None:
    first, *lines, last = fetched(models).stderr.splitlines()
    assert first == "6 files, 20,008 bytes to fetch"
    assert sorted(re.sub(r"[.\d]+ s$", "N s", line.partition(" ")[2]) for line in lines) == [
        "gpt2: 1 file, 2 bytes, N s",
        "org/model: 5 files, 20,006 bytes, N s",
    ]
    assert [line.partition(" ")[0] for line in lines] == ["[1/2]", "[2/2]"]
    assert last.endswith("6 files fetched, 20,008 bytes, hashes correct")


def test_events_as_json(models: Project) -> None:
    events = [json.loads(line) for line in fetched(models, "--format", "json").stdout.splitlines()]
    assert events[0] == {"event": "planned", "files": 6, "bytes": 20_008, "resumed": 0, "repositories": 2}
    assert [event["event"] for event in events].count("finished") == 6
    completed = {event["repo"]: (event["files"], event["bytes"]) for event in events if event["event"] == "completed"}
    assert completed == {"org/model": (5, 20_006), "gpt2": (1, 2)}
    assert sum(event["bytes"] for event in events if event["event"] == "advanced") == 20_008
    assert json.loads(fetched(models, "--format", "json").stdout) == {"event": "done", "files": 0, "bytes": 0}


def test_prefetch_is_its_other_name(models: Project) -> None:
    done = models.run("prefetch")
    assert done.returncode == 0, done.stderr
    assert models.damage() == []


def test_there_is_no_lock(models: Project) -> None:
    (models.folder / "models.lock").unlink()
    done = models.run("fetch")
    assert (done.returncode, done.stderr) == (1, "modelgen: there is no models.lock; run `modelgen lock`\n")


def test_the_lock_is_of_another_file(hub: Hub, models: Project) -> None:
    config = models.folder / "models.toml"
    config.write_text(config.read_text().replace('repo = "gpt2"', 'repo = "gpt3"'))
    done = models.run("fetch")
    assert done.returncode == 1
    assert "models.lock does not have gpt3 as gpt2 needs it; run `modelgen lock`" in done.stderr
    assert {request.file.partition("/")[0] for request in hub.requests if request.file} == {"org"}


@pytest.mark.parametrize(
    "damage",
    [lambda text: text[: len(text) // 2], lambda _: "{", lambda text: text.replace("format = 1", "format = 9")],
)
def test_a_lock_that_cannot_be_read(hub: Hub, models: Project, damage: object) -> None:
    assert callable(damage)
    lock = models.folder / "models.lock"
    lock.write_text(damage(lock.read_text()))
    done = models.run("fetch")
    assert done.returncode == 1, done.stderr
    assert "models.lock" in done.stderr
    assert "Traceback" not in done.stderr
    assert hub.requests == []


def test_what_is_local_is_never_asked_of_the_hub(hub: Hub, tmp_path: Path) -> None:
    models = project(tmp_path, hub, {"local/mine": {"config.json": b"{}"}})
    done = models.run("fetch")
    assert done.returncode == 1
    assert "modelgen: mine: local/mine lacks config.json at the commit of models.lock" in done.stderr
    assert "modelgen add PATH --as local/mine" in done.stderr
    assert hub.requests == []
