"""`modelgen lock` of many models: a failure keeps nothing else from being locked; named models alone are touched."""

from __future__ import annotations

import json
import socket
from typing import TYPE_CHECKING

import pytest

from compiling import modelgen
from lock_project import Project, model, safetensors

if TYPE_CHECKING:
    from pathlib import Path

    from hub_double import Hub

FILES: dict[str, bytes | Path] = {"config.json": b"{}", "model.safetensors": safetensors(a=("BF16", 400))}
NAMES = ("one", "two", "three")
CHANGED: dict[str, bytes | Path] = {"config.json": b"{ }"}


@pytest.fixture
def project(tmp_path: Path, hub: Hub) -> Project:
    """Three models that are locked, each of which has moved on since."""
    for name in NAMES:
        hub.add(f"org/{name}", FILES)
    project = Project(tmp_path, hub, models(*NAMES))
    project.lock()
    for name in NAMES:
        hub.add(f"org/{name}", CHANGED)
    return project


def models(*names: str) -> str:
    return "".join(model(name, f"org/{name}", f'service = "s-{name}"') for name in names)


def commits(project: Project) -> dict[str, str]:
    return {entry.repo.removeprefix("org/"): entry.commit for entry in project.read().snapshots}


def test_an_upgrade_keeps_the_old_entry_of_what_cannot_be_reached(project: Project, hub: Hub) -> None:
    before = commits(project)
    hub.delete("org/two")
    done = project.run("--upgrade")
    after = commits(project)
    assert done.returncode == 1
    assert after["two"] == before["two"]
    assert all(after[name] != before[name] for name in ("one", "three"))
    *_, cause, last = done.stderr.splitlines()
    assert cause.startswith("modelgen: two: org/two is not at http")
    assert last == (
        "modelgen: models.lock was written with the other entries; it keeps the old entry of org/two at "
        f"{before['two'][:12]}"
    )
    assert project.run("--check").returncode == 0


def test_a_model_that_was_never_locked_is_missing_alone(project: Project, hub: Hub) -> None:
    hub.add("org/new", FILES, gated=True)
    hub.add("org/more", FILES)
    project.write(models(*NAMES, "new", "more"))
    done = project.run()
    assert done.returncode == 1
    assert set(commits(project)) == {*NAMES, "more"}
    assert (
        done.stderr.splitlines()[-1]
        == "modelgen: models.lock was written with the other entries; it has no entries for new"
    )
    assert "models.lock has no org/new" in modelgen("build", cwd=project.folder).stderr


def test_forty_gated_repositories_are_one_message_that_names_the_models(project: Project, hub: Hub) -> None:
    names = [f"gated-{number}" for number in range(40)]
    for name in names:
        hub.add(f"org/{name}", FILES, gated=True)
    project.write(models(*NAMES, *names))
    done = project.run()
    lines = [line for line in done.stderr.splitlines() if "is gated" in line]
    assert len(lines) == 1
    assert all(name in done.stderr for name in names)
    told = json.loads(project.run("--format", "json").stdout)
    assert [failure["models"] for failure in told["failures"]] == [[name] for name in names]


def test_a_dead_host_is_one_message_and_is_not_asked_for_ever(project: Project) -> None:
    before = project.path.read_bytes()
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        done = project.run("--upgrade", HF_ENDPOINT=f"http://127.0.0.1:{nobody.getsockname()[1]}")
    assert (done.returncode, done.stdout, project.path.read_bytes()) == (3, "", before)
    assert sum("connection refused" in line for line in done.stderr.splitlines()) == 1
    assert "; the same applies to three: org/three, two: org/two" in done.stderr
    assert "models.lock is unchanged; it keeps the old entries of org/one at" in done.stderr.splitlines()[-1]


def test_a_mistyped_revision_does_not_lose_the_commit_that_was_locked(project: Project, hub: Hub) -> None:
    before = commits(project)
    project.write(models("two", "three") + model("one", "org/one", 'revision = "v9"'))
    assert project.run().returncode == 1
    assert commits(project) == before
    project.write(models(*NAMES))
    hub.clear()
    project.lock()
    assert (commits(project), hub.requests) == (before, [])


def test_entries_of_one_ref_stay_at_one_commit(project: Project, hub: Hub) -> None:
    """One of two wants cannot be answered at the new commit: it has no such file any more."""
    hub.add("org/one", {"extra.txt": b"1"})
    part = model("part", "org/one", 'include = ["*.safetensors", "config.json", "extra.txt"]\nservice = "p"')
    project.write(models("one") + part)
    project.lock("--upgrade")
    [old] = {entry.commit for entry in project.read().snapshots}
    hub.add("org/one", {"config.json": b"{  }"}, delete=["extra.txt"])
    done = project.run("--upgrade")
    assert done.returncode == 1
    assert "part: org/one has no file `extra.txt`" in done.stderr
    assert {entry.commit for entry in project.read().snapshots} == {old}


def test_a_named_model_is_locked_alone(project: Project, hub: Hub) -> None:
    before = project.read()
    hub.add("org/new", FILES)
    hub.add("org/other", FILES)
    project.write(models("one", "new", "other"))  # two and three would be dropped
    hub.clear()
    done = project.run("new")
    assert done.returncode == 0, done.stderr
    assert not hub.requests_for("*other*")
    after = project.read()
    assert [entry for entry in after.snapshots if entry.repo != "org/new"] == before.snapshots
    assert {entry.repo for entry in after.snapshots} - {entry.repo for entry in before.snapshots} == {"org/new"}


def test_a_named_model_brings_what_its_adapter_needs(project: Project, hub: Hub) -> None:
    hub.add("org/lora", {"adapter_config.json": b"{}", "adapter_model.safetensors": FILES["model.safetensors"]})
    project.write(models("two", "three") + model("one", "org/one", 'loras = { sql = "org/lora" }'))
    project.lock("one")
    assert set(commits(project)) == {*NAMES, "lora"}


def test_other_patterns_of_a_named_model_take_the_place_of_its_old_entry(project: Project) -> None:
    before = commits(project)
    project.write(models("two", "three") + model("one", "org/one", 'exclude = ["*.md"]'))
    project.lock("one")
    assert commits(project) == before
    assert project.entry("org/one").exclude == ["*.md"]


def test_an_upgrade_of_a_named_model_leaves_the_others(project: Project, hub: Hub) -> None:
    before = commits(project)
    hub.add("org/new", FILES)
    project.write(models(*NAMES, "new"))
    project.lock("--upgrade", "two")
    after = commits(project)
    assert after["two"] != before["two"]
    assert after | {"two": before["two"]} == before


def test_images_of_other_models_stay(project: Project) -> None:
    other = '[models.four]\nrepo = "org/one"\nengine = "command"\nimage = "server:1"\ncommand = ["serve"]\n'
    project.write(models(*NAMES) + other)
    project.lock()
    project.write(models(*NAMES))
    project.lock("one")
    assert "server:1" in {image.reference for image in project.read().images}
    project.lock()
    assert "server:1" not in {image.reference for image in project.read().images}
