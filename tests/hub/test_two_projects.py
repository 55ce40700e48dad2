"""Two projects with different commits of one repository in one hub directory: neither takes anything from the other."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from sharing import REPO, Sharing, files_of, two_projects

if TYPE_CHECKING:
    from hub_double import Hub


def test_the_last_fetch_has_the_name_and_the_other_project_has_a_note(hub: Hub, tmp_path: Path) -> None:
    first, second = two_projects(hub, tmp_path)
    ref = tmp_path / "hub" / REPO / "refs/main"
    assert ref.read_text() == second.snapshots[0].commit
    code, (note,) = first.verify()
    assert (code, note["severity"], note["kind"]) == (0, "note", "ref")
    assert f"{second.folder}/models.lock needs that one" in note["message"]
    assert second.verify() == (0, [])


def test_a_fetch_with_everything_there_leaves_the_name_alone(hub: Hub, tmp_path: Path) -> None:
    first, second = two_projects(hub, tmp_path)
    ref, count = tmp_path / "hub" / REPO / "refs/main", len(hub.log.requests())
    for project in (first, second, first):
        project.fetch()
        assert project.verify("--fix")[0] == 0
        assert ref.read_text() == second.snapshots[0].commit
    assert len(hub.log.requests()) == count


def test_hf_cache_prune_deletes_neither_snapshot(hub: Hub, tmp_path: Path) -> None:
    first, second = two_projects(hub, tmp_path)
    _hf_cache_prune(hub, first.hub)
    assert first.damage() == ["org/model: refs/main is wrong"]
    assert second.damage() == []


def test_a_snapshot_that_lost_its_only_name_gets_a_ref_from_fetch_and_verify(hub: Hub, tmp_path: Path) -> None:
    first, _ = two_projects(hub, tmp_path)
    own = tmp_path / "hub" / REPO / "refs/modelgen" / first.snapshots[0].commit
    for fix in (("fetch",), ("verify", "--fix")):
        own.unlink()
        code, notes = first.verify()
        assert code == 0
        assert any("`hf cache prune` would delete it" in note["message"] for note in notes)
        assert first.run(*fix).returncode == 0
        assert own.read_text() == first.snapshots[0].commit


def test_a_program_that_opens_by_name_needs_the_name(hub: Hub, tmp_path: Path) -> None:
    first, second = two_projects(hub, tmp_path)
    config = first.folder / "models.toml"
    text = config.read_text().replace(
        "args = { max-model-len = 8 }", 'engine = "command"\ncommand = ["serve", "{hub}"]'
    )
    config.write_text(text.replace("[engines.vllm]\n", '[engines.command]\nimage = "program:1"\n[engines.vllm]\n'))
    code, findings = first.verify()
    assert (code, findings[0]["kind"], findings[0]["severity"]) == (1, "ref", "error")
    assert f"{second.folder}/models.lock needs that one" in findings[0]["message"]
    assert "set another `hub` in [project] of one" in findings[0]["help"]
    first.fetch()
    assert first.verify() == (0, [])
    assert second.verify()[0] == 0


def test_an_older_commit_of_a_local_model_keeps_a_ref(hub: Hub, tmp_path: Path) -> None:
    first, _ = two_projects(hub, tmp_path)
    commits = []
    for content in (b"one", b"two"):
        folder = tmp_path / "checkpoint"
        folder.mkdir(exist_ok=True)
        (folder / "adapter_config.json").write_text('{"peft_type": "LORA", "r": 8}')
        (folder / "adapter_model.safetensors").unlink(missing_ok=True)
        (folder / "adapter_model.safetensors").write_bytes(
            b"\x48\0\0\0\0\0\0\0" + b'{"a":{"dtype":"U8","shape":[3],"data_offsets":[0,3]}}'.ljust(0x48) + content
        )
        done = first.run("add", str(folder), "--as", "local/ft")
        assert done.returncode == 0, done.stderr
        commits.append((first.hub / "models--local--ft/refs/main").read_text())
    assert commits[0] != commits[1]
    _hf_cache_prune(hub, first.hub)
    assert {path.name for path in (first.hub / "models--local--ft/snapshots").iterdir()} == {*commits}


def _hf_cache_prune(hub: Hub, folder: Path) -> None:
    command = [Path(sys.executable).parent / "hf", "cache", "prune", "--cache-dir", folder, "--yes"]
    subprocess.run([*map(str, command)], check=True, capture_output=True, env={**hub.environment, "PATH": "/bin"})


def test_two_locks_with_different_files_of_one_commit_leave_each_others_files_and_listing(
    hub: Hub, tmp_path: Path
) -> None:
    files = {**files_of(b"weights"), "deep/extra.json": b"{}"}
    commit, shared = hub.add("org/model", files), tmp_path / "hub"
    first, second = (Sharing(tmp_path / name, hub, shared) for name in ("first", "second"))
    first.want("org/model", files_of(b"weights"), commit)
    second.want("org/model", files, commit)
    for project in (second, first, second):
        project.fetch()
    count = len(hub.log.requests())
    listing = shared / REPO / "trees" / f"{commit}.json"
    written = listing.stat().st_mtime_ns
    for project in (first, second, first):
        project.fetch()
        assert project.verify("--fix") == (0, [])
    assert len(hub.log.requests()) == count
    assert listing.stat().st_mtime_ns == written
    assert second.damage() == []


def test_a_file_that_somebody_edited_is_moved_aside_before_it_is_fetched_again(hub: Hub, tmp_path: Path) -> None:
    first, second = two_projects(hub, tmp_path)
    entry = second.snapshots[0]
    path = second.blob(entry, "config.json")
    path.write_bytes(path.read_bytes()[:-1] + b" ")
    second.fetch()
    assert second.damage() == []
    aside = second.hub / ".locks/modelgen/aside" / REPO / "blobs" / path.name
    assert aside.read_bytes().endswith(b"] ")
    assert first.verify()[0] == 0
