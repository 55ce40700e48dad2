"""`modelgen fetch MODEL…`, and a fetch of many repositories of which some cannot be had."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from hub_project import Project, project

if TYPE_CHECKING:
    from pathlib import Path

    from hub_double import Hub

CONFIG = {"config.json": b"{}"}


@pytest.fixture
def models(hub: Hub, tmp_path: Path) -> Project:
    return project(tmp_path, hub, {f"org/{name}": {**CONFIG, "own": name.encode()} for name in "abc"})


def there(models: Project) -> list[str]:
    damaged = {text.partition(":")[0] for text in models.damage()}
    return [entry.repo for entry in models.snapshots if entry.repo not in damaged]


def test_named_models_alone_are_fetched(hub: Hub, models: Project) -> None:
    done = models.run("fetch", "b")
    assert (done.returncode, there(models)) == (0, ["org/b"]), done.stderr
    assert not hub.requests_for("org/a/*")
    hub.clear()
    assert models.run("fetch", "b").stderr == f"{models.hub}: nothing is missing\n"
    assert hub.requests == []


def test_a_repository_id_and_an_alias_name_a_model(models: Project) -> None:
    path = models.folder / "models.toml"
    path.write_text(path.read_text().replace('repo = "org/b"', 'repo = "org/b"\naliases = ["second"]'))
    assert models.run("fetch", "org/a").returncode == 0
    done = models.run("fetch", "second")
    assert (done.returncode, there(models)) == (0, ["org/a", "org/b"]), done.stderr


def test_a_complete_model_says_nothing_of_the_others(models: Project) -> None:
    assert models.run("fetch", "a").returncode == 0
    for names, want in ((["b", "a"], ["org/a", "org/b"]), ([], ["org/a", "org/b", "org/c"])):
        done = models.run("fetch", *names)
        assert (done.returncode, there(models)) == (0, want), done.stderr
    models.blob(models.snapshots[2], "own").unlink()
    assert "nothing is missing" in models.run("fetch", "a").stderr
    assert "1 file fetched" in models.run("fetch").stderr


def test_a_name_that_is_not_there(hub: Hub, models: Project) -> None:
    done = models.run("fetch", "d")
    assert done.returncode == 2
    assert "has no model `d`" in done.stderr
    assert hub.requests == []


def test_a_dry_run_of_one_model(models: Project) -> None:
    told = json.loads(models.run("fetch", "c", "--dry-run", "--format", "json").stdout)
    assert {file["repo"] for file in told["files"]} == {"org/c"}


def test_what_cannot_be_had_stops_nobody_else(hub: Hub, models: Project) -> None:
    hub.store.repos["org/a"].gated = "auto"
    hub.delete("org/c")
    done = models.run("fetch")
    assert (done.returncode, there(models)) == (1, ["org/b"]), done.stderr
    assert "org/a is gated" in done.stderr
    assert "org/c" in done.stderr.splitlines()[-1]
    assert "hashes correct" not in done.stderr


def test_the_world_alone_is_at_fault(hub: Hub, models: Project) -> None:
    hub.store.repos["org/a"].gated = "auto"
    done = models.run("fetch")
    assert (done.returncode, there(models)) == (1, ["org/b", "org/c"]), done.stderr


def test_what_is_not_locked_stops_nobody_else(models: Project) -> None:
    config = models.folder / "models.toml"
    config.write_text(config.read_text() + '[models.d]\nrepo = "org/d"\nargs = { max-model-len = 8 }\n')
    done = models.run("fetch")
    assert (done.returncode, there(models)) == (1, ["org/a", "org/b", "org/c"]), done.stderr
    assert "models.lock does not have org/d as d needs it; run `modelgen lock`" in done.stderr
    assert models.run("fetch").returncode == 1
    assert models.run("fetch", "a", "b").returncode == 0


def test_a_folder_that_is_a_link_stops_nobody_else(models: Project, tmp_path: Path) -> None:
    models.hub.mkdir(parents=True)
    (tmp_path / "elsewhere").mkdir()
    (models.hub / "models--org--a").symlink_to(tmp_path / "elsewhere")
    done = models.run("fetch")
    assert (done.returncode, there(models)) == (1, ["org/b", "org/c"]), done.stderr
    assert "models--org--a is a link" in done.stderr
    assert not [*(tmp_path / "elsewhere").iterdir()]


def test_a_local_model_that_is_gone_stops_nobody_else(hub: Hub, models: Project) -> None:
    models.want("local/mine", CONFIG, "0" * 40)
    done = models.run("fetch")
    assert (done.returncode, there(models)) == (1, ["org/a", "org/b", "org/c"]), done.stderr
    assert not hub.requests_for("local/*")


def test_a_hub_that_is_gone_is_asked_by_few(hub: Hub, tmp_path: Path) -> None:
    models = project(tmp_path, hub, {f"org/{number}": CONFIG for number in range(30)})
    done = models.run("fetch", HF_ENDPOINT="http://127.0.0.1:1", HF_HUB_ETAG_TIMEOUT="1")
    assert done.returncode == 3
    assert done.stderr.count("trying again") == 1
    assert len([line for line in done.stderr.splitlines() if line.startswith("modelgen: ")]) == 1


@pytest.mark.parametrize("rate", ["50", "50/s", "0MB/s", "fast", "-1MB/s", "50MB/h", "1e3MB/s", "/s", ""])
def test_a_rate_that_is_none(models: Project, rate: str) -> None:
    done = models.run("fetch", "--max-rate", rate)
    assert done.returncode == 2
    assert "50MB/s" in done.stderr


@pytest.mark.parametrize("rate", ["50MB/s", "1.5 MiB/s", "900kB/s", "1GB/s", "20M", "50mb/s", "20MB"])
def test_a_rate(models: Project, rate: str) -> None:
    done = models.run("fetch", "--max-rate", rate)
    assert done.returncode == 0, done.stderr
    assert done.stderr.count("Xet has no rate limit") <= 1
