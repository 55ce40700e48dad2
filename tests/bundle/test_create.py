"""`modelgen bundle create`: what is in the folder, and what a second run does."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING

import pytest

from bundling import SMALL, WITHOUT, Source, faults, manifest, tree
from compiling import modelgen

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def source(tmp_path: Path) -> Source:
    return Source(tmp_path / "project", {"org/one": SMALL, "org/two": {**SMALL, "model.safetensors": b"x" * 70_000}})


def test_it_has_what_lock_and_build_name(source: Source, tmp_path: Path) -> None:
    source.create(tmp_path / "bundle")
    made = manifest(tmp_path / "bundle")
    named = {file["path"]: file for file in made["files"]}
    assert named.keys() == {"models.toml", "models.lock", *(f"build/{path}" for path in tree(source.folder / "build"))}
    for path, file in named.items():
        assert file["sha256"] == hashlib.sha256((source.folder / path).read_bytes()).hexdigest()
    repos = {snapshot["repo"]: snapshot for snapshot in made["hub"]["snapshots"]}
    for repo, files in source.repos.items():
        found = {file["path"]: (file["sha256"], file["size"]) for file in repos[repo]["files"]}
        assert found == {path: (hashlib.sha256(data).hexdigest(), len(data)) for path, data in files.items()}
        assert repos[repo]["refs"] == ["main", f"modelgen/{repos[repo]['commit']}"]
        assert {file["name"] for file in repos[repo]["files"]} == {source.blob(repo, path).name for path in files}
    named_hashes = {
        file["sha256"] for one in (made["files"], *(repo["files"] for repo in repos.values())) for file in one
    }
    assert made["blobs"].keys() == named_hashes | {repo["tree"] for repo in repos.values()}
    assert faults(tmp_path / "bundle") == []


def test_a_second_run_writes_nothing(source: Source, tmp_path: Path) -> None:
    source.create(tmp_path / "bundle")
    before = {path: path.stat().st_mtime_ns for path in (tmp_path / "bundle").rglob("*") if path.is_file()}
    done = source.create(tmp_path / "bundle", "--format", "json")
    assert json.loads(done.stdout)["written"] == 0
    assert {path: path.stat().st_mtime_ns for path in before} == before


def test_a_bundle_gets_only_what_is_new_and_loses_what_is_old(source: Source, tmp_path: Path) -> None:
    source.create(tmp_path / "bundle")
    first = set(manifest(tmp_path / "bundle")["blobs"])
    source.repos["org/two"]["model.safetensors"] = b"y" * 80_000
    source.write()
    done = source.create(tmp_path / "bundle", "--format", "json")
    assert 80_000 < json.loads(done.stdout)["written"] < 140_000
    old, new = hashlib.sha256(b"x" * 70_000).hexdigest(), hashlib.sha256(b"y" * 80_000).hexdigest()
    assert old in first
    names = {path.name for path in (tmp_path / "bundle" / "blobs").iterdir()}
    assert (old in names, new in names) == (False, True)
    assert faults(tmp_path / "bundle") == []


def test_the_bytes_depend_on_nothing_else(source: Source, tmp_path: Path) -> None:
    """Not on the folder of the run, the time zone, the umask and the seed of hashes."""
    source.create(tmp_path / "a")
    (tmp_path / "elsewhere").mkdir()
    done = modelgen(
        *("bundle", "create", "../b", *WITHOUT, "--config", "../project"),
        cwd=tmp_path / "elsewhere",
        env={"TZ": "Asia/Kathmandu", "PYTHONHASHSEED": "7"},
        before="import os; os.umask(0o077)",
    )
    assert done.returncode == 0, done.stderr
    assert tree(tmp_path / "a") == tree(tmp_path / "b")
    assert {path.stat().st_mode & 0o777 for path in (tmp_path / "b").rglob("*") if path.is_file()} == {0o644}
