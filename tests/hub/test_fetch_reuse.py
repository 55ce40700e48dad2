"""A new commit of a model: what the hub directory has already needs no download and no space, and commands agree."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from compiling import modelgen
from lock_project import Project, model, safetensors
from modelgen.sizes import of_files

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from hub_double import Hub

WEIGHTS = safetensors(a=("BF16", 40_000_000))
README = b"# A better text\n"
FILES: dict[str, bytes | Path] = {"README.md": b"#", "config.json": b"{}", "model.safetensors": WEIGHTS}
NO_LINKS = {"HF_HUB_DISABLE_SYMLINKS": "1"}


@pytest.fixture
def project(tmp_path: Path, hub: Hub) -> Project:
    hub.add("org/text", FILES)
    return Project(tmp_path, hub, model("text", "org/text"))


def fetch(project: Project, *args: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return modelgen("fetch", *args, cwd=project.folder, env={**project.environment, **environment})


def fetched(project: Project, **environment: str) -> None:
    project.lock()
    done = fetch(project, **environment)
    assert done.returncode == 0, done.stderr
    project.hub.clear()


@pytest.mark.parametrize("environment", [{}, NO_LINKS], ids=["links", "no links"])
def test_a_change_of_the_readme_is_its_bytes_everywhere(
    project: Project, hub: Hub, environment: dict[str, str]
) -> None:
    fetched(project, **environment)
    hub.add("org/text", {"README.md": README})
    upgraded = json.loads(project.run("--upgrade", "--format", "json").stdout)
    planned = json.loads(fetch(project, "--dry-run", "--format", "json").stdout)
    hub.clear()
    done = fetch(project, **environment)
    assert done.returncode == 0, done.stderr
    assert upgraded["changes"][0]["bytes_new"] == planned["bytes"] == len(README)
    assert upgraded["bytes_to_fetch"] == len(README)
    assert f"1 file fetched, {len(README)} bytes, hashes correct" in done.stderr
    assert hub.bytes_sent() == len(README)
    verified = modelgen("verify", cwd=project.folder, env=project.environment)
    assert verified.returncode == 0, verified.stdout
    links = [path for path in project.hub_folder.rglob("*") if path.is_symlink()]
    assert bool(links) == (not environment)


def test_lock_says_what_fetch_would_bring(project: Project, hub: Hub) -> None:
    size = sum(len(data) for data in FILES.values() if isinstance(data, bytes))
    assert f"; {of_files(size)} to fetch" in project.run().stderr
    assert f"3 files, {of_files(size)} to fetch" in fetch(project, "--dry-run").stderr
    fetched(project)
    assert "to fetch" not in project.run().stderr
    hub.add("org/text", {"README.md": README})
    assert f"; {len(README)} bytes to fetch" in project.run("--upgrade").stderr


@pytest.fixture
def small_disk(project: Project) -> Iterator[Path]:
    """A hub directory with room for the model, and hardly more."""
    if sys.platform != "linux" or os.getuid() != 0 or shutil.which("mount") is None:
        pytest.skip("only root can mount a file system")
    folder = project.hub_folder
    folder.mkdir(parents=True)
    options = ["-t", "tmpfs", "-o", "size=43m", "modelgen-test"]
    if subprocess.run(["mount", *options, str(folder)], capture_output=True, check=False).returncode:
        pytest.skip("this root may not mount that")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


@pytest.mark.usefixtures("small_disk")
def test_almost_no_space_is_enough_for_a_readme(project: Project, hub: Hub) -> None:
    fetched(project)
    hub.add("org/text", {"README.md": README})
    project.lock("--upgrade")
    hub.clear()
    done = fetch(project)
    assert done.returncode == 0, done.stderr
    assert hub.bytes_sent() == len(README)


def test_only_links_are_missing_and_nobody_is_asked(project: Project, hub: Hub) -> None:
    fetched(project)
    commit = project.entry("org/text").commit
    shutil.rmtree(project.hub_folder / "models--org--text" / "snapshots" / commit)
    done = fetch(project, HF_HUB_OFFLINE="1")
    assert done.returncode == 0, done.stderr
    assert hub.requests == []
    assert modelgen("verify", cwd=project.folder, env=project.environment).returncode == 0


def test_a_blob_that_is_damaged_comes_again(project: Project, hub: Hub) -> None:
    fetched(project)
    blob = project.hub_folder / "models--org--text" / "blobs" / project.entry("org/text").by_path["config.json"].etag
    hub.add("org/text", {"README.md": README})
    project.lock("--upgrade")
    blob.chmod(0o644)
    blob.write_bytes(b"[]")
    hub.clear()
    done = fetch(project)
    assert done.returncode == 0, done.stderr
    assert "org/text: config.json is damaged here: its hash is wrong; fetching it again" in done.stderr
    assert hub.bytes_sent() == len(README) + 2
    assert modelgen("verify", cwd=project.folder, env=project.environment).returncode == 0
