"""`modelgen lock --offline`: from a hub directory alone, whose every byte is looked at."""

from __future__ import annotations

import hashlib
import os
import shutil
from typing import TYPE_CHECKING

import pytest

from compiling import modelgen
from hub_double import serve
from hub_double.child import hf
from lock_project import Project, model, safetensors

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from hub_double import Hub

FILES: dict[str, bytes | Path] = {
    ".gitattributes": b"*.safetensors filter=lfs\n",
    "README.md": b"---\r\nlicense: other\r\nlicense_name: qwen\r\ntags: [a]\r\n---\r\n# A model\r\n",
    "config.json": b'{"model_type": "qwen3"}',
    "deep/tokenizer.json": b"{}",
    "model-00001-of-00002.safetensors": safetensors(a=("BF16", 400)),
    "model-00002-of-00002.safetensors": safetensors(b=("BF16", 30_000)),
    "model.safetensors.index.json": (
        b'{"weight_map": {"a": "model-00001-of-00002.safetensors", "b": "model-00002-of-00002.safetensors"}}'
    ),
    "original/consolidated.00.pth": b"x" * 20_000,
}
SHARD = "model-00002-of-00002.safetensors"


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A hub directory that the official client has filled."""
    folder = tmp_path_factory.mktemp("filled")
    with serve() as hub:
        hub.add("org/text", FILES, license="qwen")
        done = hf(hub, "download", "org/text", "--cache-dir", str(folder))
    assert done.returncode == 0, done.stderr
    return folder


@pytest.fixture
def project(tmp_path: Path, hub: Hub, filled: Path) -> Project:
    """A project with a copy of that directory, and a double that has the same commit."""
    hub.add("org/text", FILES, license="qwen")
    project = Project(tmp_path, hub, model("text", "org/text"))
    shutil.copytree(filled, project.hub_folder, symlinks=True)
    return project


def snapshot(project: Project) -> Path:
    [folder] = (project.hub_folder / "models--org--text" / "snapshots").iterdir()
    return folder


def without_listing(project: Project) -> None:
    shutil.rmtree(project.hub_folder / "models--org--text" / "trees")


def test_it_is_the_lock_that_the_hub_would_give(project: Project, hub: Hub) -> None:
    project.lock("--offline", HF_HUB_OFFLINE="1")
    offline = project.path.read_bytes()
    assert hub.requests == []
    project.path.unlink()
    project.lock()
    assert project.path.read_bytes() == offline
    assert project.entry("org/text").license == "qwen"
    assert project.run("--check").returncode == 0


def test_it_imports_no_client(project: Project) -> None:
    done = project.run("--offline", PYTHONPROFILEIMPORTTIME="1")
    assert done.returncode == 0
    assert "pydantic" in done.stderr
    assert "huggingface_hub" not in done.stderr


def test_without_a_listing_and_without_links(project: Project) -> None:
    project.lock("--offline")
    expected = project.read()
    without_listing(project)
    for path in [path for path in snapshot(project).rglob("*") if path.is_symlink()]:
        data = path.read_bytes()
        path.unlink()
        path.write_bytes(data)
    shutil.rmtree(project.hub_folder / "models--org--text" / "blobs")
    project.path.unlink()
    assert project.lock("--offline") == expected


def test_links_into_the_shared_store_are_followed(project: Project) -> None:
    project.lock("--offline")
    expected = project.read()
    blob = snapshot(project) / SHARD
    blob = blob.parent / blob.readlink()
    store = project.hub_folder / "blobs" / "ab" / ("ab" * 32)
    store.parent.mkdir(parents=True)
    blob.replace(store)
    blob.symlink_to(os.path.relpath(store, blob.parent))
    assert project.lock("--offline", "--upgrade") == expected


def flip(project: Project) -> None:
    path = snapshot(project) / SHARD
    path.resolve().chmod(0o644)
    data = bytearray(path.read_bytes())
    data[-1] ^= 1
    path.resolve().write_bytes(data)


def truncate(project: Project) -> None:
    os.truncate(snapshot(project) / SHARD, 1000)


def dangle(project: Project) -> None:
    (snapshot(project) / SHARD).resolve().unlink()


def lose(project: Project) -> None:
    (snapshot(project) / SHARD).unlink()


def lose_without_listing(project: Project) -> None:
    without_listing(project)
    lose(project)


def lose_without_index(project: Project) -> None:
    lose_without_listing(project)
    (snapshot(project) / "model.safetensors.index.json").unlink()


def break_ref(project: Project) -> None:
    ref = project.hub_folder / "models--org--text" / "refs" / "main"
    ref.write_text(ref.read_text() + "\n")


def lose_ref(project: Project) -> None:
    (project.hub_folder / "models--org--text" / "refs" / "main").unlink()


def lose_snapshot(project: Project) -> None:
    shutil.rmtree(snapshot(project))


def lose_all(project: Project) -> None:
    shutil.rmtree(project.hub_folder)


@pytest.mark.parametrize(
    ("damage", "told"),
    [
        (flip, f"is damaged: {SHARD} has other bytes"),
        (truncate, f"is damaged: {SHARD} has other bytes"),
        (dangle, f"lacks {SHARD}"),
        (lose, f"lacks {SHARD}"),
        (lose_without_listing, f"lacks {SHARD}"),
        (lose_without_index, f"lacks {SHARD}"),
        (break_ref, "white space around its commit, so no engine finds the snapshot"),
        (lose_ref, "so engines do not find it by that name; run `printf %s "),
        (lose_snapshot, "there is none; on a host with internet run `hf download org/text --revision "),
        (lose_all, "on a host with internet run `hf download org/text --cache-dir "),
    ],
)
def test_what_is_not_whole_is_not_locked(project: Project, damage: Callable[[Project], None], told: str) -> None:
    damage(project)
    done = project.run("--offline")
    code = 3 if damage is lose_all else 1  # as `modelgen verify`: 1 is for what is wrong in the hub directory
    assert (done.returncode, project.path.exists()) == (code, False)
    assert "modelgen: text: org/text" in done.stderr
    assert told in done.stderr
    assert "models.lock is unchanged" in done.stderr


def test_what_serving_does_not_need_may_be_missing_or_foreign(project: Project) -> None:
    (snapshot(project) / "original" / "consolidated.00.pth").unlink()
    (snapshot(project) / ".DS_Store").write_bytes(b"of the system")
    assert [file.path for file in project.lock("--offline").snapshots[0].files] == sorted(FILES)[:-1]


def test_a_commit_needs_no_ref(project: Project) -> None:
    commit = snapshot(project).name
    lose_ref(project)
    project.write(model("text", "org/text", f'revision = "{commit}"'))
    assert project.lock("--offline").snapshots[0].commit == commit


def test_upgrade_takes_what_the_ref_says_now(project: Project, hub: Hub) -> None:
    project.lock("--offline")
    new = hub.add("org/text", {"config.json": b"{}"})
    assert hf(hub, "download", "org/text", "--cache-dir", str(project.hub_folder)).returncode == 0
    assert project.lock("--offline").snapshots[0].commit != new
    assert project.lock("--offline", "--upgrade").snapshots[0].commit == new


def local(project: Project, files: dict[str, bytes]) -> str:
    """Make a `local/` repository as `modelgen add` does."""
    commit = hashlib.sha1(repr(files).encode()).hexdigest()
    folder = project.hub_folder / "models--local--ft"
    for path, data in files.items():
        (folder / "snapshots" / commit).mkdir(parents=True, exist_ok=True)
        (folder / "blobs").mkdir(exist_ok=True)
        name = hashlib.sha256(data).hexdigest()
        (folder / "blobs" / name).write_bytes(data)
        (folder / "snapshots" / commit / path).symlink_to(f"../../blobs/{name}")
    (folder / "refs").mkdir(exist_ok=True)
    (folder / "refs" / "main").write_text(commit)
    return commit


def test_the_hub_is_never_asked_for_a_local_model(project: Project, hub: Hub) -> None:
    project.write(model("ft", "local/ft") + model("text", "org/text"))
    done = project.run()
    assert done.returncode == 1
    assert [entry.repo for entry in project.read().snapshots] == ["org/text"]
    assert f"ft: local/ft is not in {project.hub_folder}; run `modelgen add PATH --as local/ft`" in done.stderr
    commit = local(project, {"config.json": b"{}", "model.safetensors": safetensors(a=("F16", 2))})
    project.lock()
    assert project.entry("local/ft").commit == commit
    assert project.entry("local/ft").weights == {"F16": 2}
    assert not hub.requests_for("*local*")


def test_a_damaged_local_model_has_to_be_added_again(project: Project) -> None:
    local(project, {"config.json": b"{}", "model.safetensors": safetensors(missing=1, a=("F16", 2))})
    project.write(model("ft", "local/ft"))
    done = project.run()
    assert done.returncode == 1
    assert "its header lists 2 bytes of tensors, and it has 1; add it again with" in done.stderr


def test_what_the_official_client_fetched_verifies_once_it_is_locked(project: Project) -> None:
    """The team of the incident had its files; what their lock leaves out is no fault of theirs."""
    project.hub_folder.chmod(0o755)
    project.lock("--offline")
    done = modelgen("verify", cwd=project.folder, env=project.environment)
    assert done.returncode == 0, done.stderr
    assert "original is a folder that models.lock leaves out" in done.stdout + done.stderr
