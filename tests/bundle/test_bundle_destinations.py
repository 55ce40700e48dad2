"""Where a bundle is loaded: file systems without links or cases, links in the way, groups, hubs with other contents."""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path

import pytest
from huggingface_hub import snapshot_download

from bundles import COMMIT, Written
from compiling import modelgen
from hub_on_disk import fetched
from modelgen.hub.cache.registry import is_registered
from modelgen.lockfile.repos import repo_folder
from modelgen_importer import load

FILES = {"config.json": b'{"model_type": "qwen3", "max_position_embeddings": 40960}', "model.safetensors": bytes(5000)}
REPO = f"models/hub/{repo_folder('org/model')}"


def bundle_of(tmp_path: Path, files: dict[str, bytes] | None = None) -> Path:
    return Written({"models.toml": b"x = 1\n"}).snapshot(files or FILES).write(tmp_path / "bundle")


def probing(monkeypatch: pytest.MonkeyPatch, **found: int) -> None:
    monkeypatch.setattr(load, "probe", lambda _: found)


def contents(hub: Path) -> dict[str, bytes]:
    snapshot = Path(snapshot_download("org/model", cache_dir=hub, local_files_only=True))
    return {path.relative_to(snapshot).as_posix(): path.read_bytes() for path in snapshot.rglob("*") if path.is_file()}


def test_verify_is_content_and_hashes_nothing(tmp_path: Path) -> None:
    """The project of a real lock: `modelgen verify`, the registry and the listing are as after a fetch."""
    (tmp_path / "source").mkdir()
    checkout, _ = fetched(tmp_path / "source", FILES)
    project = {name: (tmp_path / "source" / name).read_bytes() for name in ("models.toml", "models.lock")}
    written = Written(project, hub="./hub").snapshot(FILES, commit=checkout.commit).write(tmp_path / "bundle")
    target = tmp_path / "target"
    assert load.main(["--into", str(target), str(written)]) == 0
    for options in ((), ("--quick",)):
        done = modelgen("verify", *options, cwd=target)
        assert done.returncode == 0
        assert done.stderr.endswith("no problems\n")
    assert is_registered(target / "hub", target / "models.lock", project["models.lock"])
    made = target / "hub" / repo_folder("org/model")
    assert (made / "trees" / checkout.tree.name).read_bytes() == checkout.tree.read_bytes()
    assert (made / "refs/main").read_bytes() == (made / "refs/modelgen" / COMMIT).read_bytes() == COMMIT.encode()


def test_a_file_system_without_links_gets_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    probing(monkeypatch, links=False)
    bundle, target = bundle_of(tmp_path), tmp_path / "target"
    for _ in range(2):
        assert load.main(["--into", str(target), str(bundle)]) == 0
        assert contents(target / "models/hub") == FILES
        assert not [path for path in target.rglob("*") if path.is_symlink()]
        assert not (target / REPO / "blobs").exists()


def test_names_that_differ_in_case(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    bundle, target = bundle_of(tmp_path, {"README.md": b"1", "readme.md": b"2"}), tmp_path / "target"
    probing(monkeypatch, ignores_case=True)
    assert load.main(["--into", str(target), str(bundle)]) == 1
    assert "README.md of org/model and another file are one file here" in capsys.readouterr().err
    assert not target.exists()
    probing(monkeypatch)
    assert load.main(["--into", str(target), str(bundle)]) == 0


@pytest.mark.parametrize(
    ("limit", "said"),
    [
        ({"largest_file": 4}, "is larger than files can be here; use another file system"),
        ({"longest_name": 4}, "is longer than names can be here; use another file system"),
    ],
)
def test_limits_of_a_file_system(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    limit: dict[str, int],
    said: str,
) -> None:
    probing(monkeypatch, **limit)
    target = tmp_path / "target"
    assert load.main(["--into", str(target), str(bundle_of(tmp_path))]) == 1
    assert said in capsys.readouterr().err
    assert not target.exists()


@pytest.mark.parametrize("name", ["models", REPO, f"{REPO}/snapshots", f"{REPO}/blobs", "build", ".modelgen"])
def test_nothing_is_written_behind_a_link(tmp_path: Path, capsys: pytest.CaptureFixture[str], name: str) -> None:
    written = Written({"models.toml": b"x = 1\n", "build/a.yml": b"{}"}).snapshot(FILES).write(tmp_path / "bundle")
    target, outside = tmp_path / "target", tmp_path / "outside"
    outside.mkdir()
    (target / name).parent.mkdir(parents=True)
    (target / name).symlink_to(outside)
    assert load.main(["--into", str(target), str(written)]) == 1
    assert f"{target / name} is not a folder, but a link or a file" in capsys.readouterr().err
    assert [*outside.iterdir()] == []


def test_links_in_the_place_of_files_are_replaced(tmp_path: Path) -> None:
    bundle, target, outside = bundle_of(tmp_path), tmp_path / "target", tmp_path / "outside"
    outside.write_bytes(bytes(5000))
    blob = target / REPO / "blobs/b7c84bbe87ef8b0a1cc7d4a3ca5e3bc26d2a4a85"
    for path in (target / REPO / f"snapshots/{COMMIT}/config.json", target / REPO / "refs/main", blob):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.symlink_to(outside)
    assert load.main(["--into", str(target), str(bundle)]) == 0
    assert contents(target / "models/hub") == FILES
    assert outside.read_bytes() == bytes(5000)


def test_what_is_right_is_kept_and_what_is_wrong_is_replaced(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    bundle, target = bundle_of(tmp_path), tmp_path / "target"
    assert load.main(["--into", str(target), str(bundle)]) == 0
    (target / "models/hub/.locks/modelgen/seen.json").unlink()
    weights = (target / REPO / f"snapshots/{COMMIT}/model.safetensors").resolve()
    weights.write_bytes(bytes(4999) + b"!")
    config = target / REPO / f"snapshots/{COMMIT}/config.json"
    config.unlink()
    config.write_bytes(b"mine")
    capsys.readouterr()
    assert load.main(["--into", str(target), str(bundle)]) == 0
    assert "5.0 kB copied, 1 files were there" in capsys.readouterr().out
    assert contents(target / "models/hub") == FILES
    aside = target / "models/hub/.locks/modelgen/aside" / config.relative_to(target / "models/hub")
    assert aside.read_bytes() == b"mine"


def test_a_delta_needs_what_it_leaves_out(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    target = tmp_path / "target"
    assert load.main(["--into", str(target), str(bundle_of(tmp_path))]) == 0
    newer = Written({"models.toml": b"x = 2\n"}).snapshot({**FILES, "new.json": b"[1]"}, repo="org/other")
    old = [sha256 for sha256, data in newer.contents.items() if data in FILES.values()]
    delta = newer.write(tmp_path / "delta", have=old)
    assert load.main(["--into", str(tmp_path / "empty"), str(delta)]) == 1
    assert (
        "config.json is not in this bundle, since this host had it, and it is no longer here" in capsys.readouterr().err
    )
    assert load.main(["--into", str(target), str(delta)]) == 0
    snapshot = snapshot_download("org/other", cache_dir=target / "models/hub", local_files_only=True)
    assert Path(snapshot, "model.safetensors").read_bytes() == bytes(5000)


def test_a_hub_outside_of_the_project(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    hub = tmp_path / "shared"
    bundle = Written({"models.toml": b""}, hub=str(hub)).snapshot(FILES).write(tmp_path / "bundle")
    assert load.main(["--into", str(tmp_path / "target"), str(bundle)]) == 1
    assert f"its hub directory outside of this project, in {hub}; if it is to be" in capsys.readouterr().err
    assert load.main(["--into", str(tmp_path / "target"), str(bundle), "--hub", str(hub)]) == 0
    assert contents(hub) == FILES


def test_a_relative_hub_begins_at_the_project(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """README.txt prints `--hub ../shared`, and is followed in the folder of the bundle."""
    bundle = Written({"models.toml": b""}, hub="../shared").snapshot(FILES).write(tmp_path / "stick/bundle")
    monkeypatch.chdir(bundle)
    into = ["--into", str(tmp_path / "srv/demo"), "."]
    assert load.main([*into, "--hub", "../other"]) == 1
    assert f"models in {tmp_path / 'srv/shared'}, as models.toml has it, and not in" in capsys.readouterr().err
    assert not (tmp_path / "srv").exists()
    assert load.main([*into, "--hub", "../shared"]) == 0
    assert contents(tmp_path / "srv/shared") == FILES
    assert [path.name for path in bundle.parent.iterdir()] == ["bundle"]


@pytest.mark.parametrize("hub", [".", "..", "/"])
def test_a_hub_that_is_the_project_or_above_it(tmp_path: Path, capsys: pytest.CaptureFixture[str], hub: str) -> None:
    bundle = Written({"models.toml": b""}, hub=hub).snapshot(FILES).write(tmp_path / "bundle")
    assert load.main(["--into", str(tmp_path / "target"), str(bundle), "--hub", hub]) == 1
    assert f"the hub directory {hub} is the folder of this project, or above it" in capsys.readouterr().err


@pytest.mark.skipif(sys.platform == "win32", reason="groups")
def test_a_group_that_shares_the_target_may_write(tmp_path: Path) -> None:
    target = tmp_path / "target"
    target.mkdir()
    target.chmod(0o2775)
    before = os.umask(0o077)
    try:
        assert load.main(["--into", str(target), str(bundle_of(tmp_path))]) == 0
    finally:
        os.umask(before)
    modes = {
        oct(path.lstat().st_mode & 0o7777)
        for path in target.rglob("*")
        if not path.is_symlink() and path.name != "lock"
    }
    assert modes == {"0o2775", "0o664"}


def test_the_lock_of_another_commit_keeps_its_snapshot(tmp_path: Path) -> None:
    target, other = tmp_path / "target", "f" * 40
    assert load.main(["--into", str(target), str(bundle_of(tmp_path))]) == 0
    newer = Written({"models.toml": b"x = 2\n"}).snapshot({"config.json": b"[]"}, commit=other)
    shutil.rmtree(target / REPO / "refs/modelgen")
    assert load.main(["--into", str(target), str(newer.write(tmp_path / "newer"))]) == 0
    refs = target / REPO / "refs"
    assert {path.relative_to(refs).as_posix(): path.read_text() for path in refs.rglob("*") if path.is_file()} == {
        "main": other,
        f"modelgen/{other}": other,
        f"modelgen/{COMMIT}": COMMIT,
    }


def test_old_commits_go_by_the_tool_that_was_loaded(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    target = tmp_path / "target"
    tool = b"#!/bin/sh\necho $PWD $@\n"
    bundle = Written({"models.toml": b"x = 1\n", "modelgen": tool}).snapshot(FILES).write(tmp_path / "bundle")
    assert load.main(["--into", str(target), str(bundle), "--prune"]) == 0
    assert f"{target} prune --yes\n" in capfd.readouterr().out
    failing = Written({"models.toml": b"x = 1\n", "modelgen": b"#!/bin/sh\nexit 3\n"}).write(tmp_path / "failing")
    assert load.main(["--into", str(target), str(failing), "--prune"]) == 3
    assert f"nothing was removed; run `./modelgen prune` in {target}" in capfd.readouterr().err
