"""A missing `refs/main` is an error only where something opens the repository by its name."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from hub_project import Project, project

if TYPE_CHECKING:
    from pathlib import Path

    from hub_double import Hub


@pytest.fixture
def models(hub: Hub, tmp_path: Path) -> Project:
    """A project whose hub directory has lost refs/main."""
    models = project(tmp_path, hub, {"org/model": {"config.json": b"{}"}})
    assert models.run("fetch").returncode == 0
    ref(models).unlink()
    hub.clear()
    return models


def ref(models: Project) -> Path:
    return models.snapshot(models.snapshots[0]).parents[1] / "refs/main"


def test_it_is_a_note_for_engines_that_get_the_commit(hub: Hub, models: Project) -> None:
    done = models.run("verify", "--format", "json")
    [note] = json.loads(done.stdout)["findings"]
    assert (done.returncode, note["severity"], note["kind"]) == (0, "note", "ref")
    assert "is missing" in note["message"]
    done = models.run("fetch")
    assert (done.returncode, done.stderr) == (0, f"{models.hub}: nothing is missing\n")
    assert not ref(models).exists()
    assert models.run("verify", "--fix").returncode == 0
    assert models.damage() == []
    assert hub.requests == []


def test_it_is_an_error_for_programs_that_open_by_name(hub: Hub, models: Project) -> None:
    config = models.folder / "models.toml"
    text = config.read_text().replace(
        "args = { max-model-len = 8 }", 'engine = "command"\ncommand = ["serve", "{hub}"]'
    )
    config.write_text(text.replace("[engines.vllm]\n", '[engines.command]\nimage = "program:1"\n[engines.vllm]\n'))
    done = models.run("verify", "--format", "json")
    [found] = json.loads(done.stdout)["findings"]
    assert (done.returncode, found["severity"], found["kind"]) == (1, "error", "ref")
    assert models.run("fetch").returncode == 0
    assert models.damage() == []
    assert hub.requests == []
