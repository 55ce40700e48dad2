"""`modelgen lock` against the double of the hub: what it pins, what it keeps, what moves."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from syrupy.extensions.single_file import SingleFileSnapshotExtension, WriteMode

from compiling import modelgen
from lock_project import Project, model, safetensors

if TYPE_CHECKING:
    from pathlib import Path

    from syrupy.assertion import SnapshotAssertion

    from hub_double import Hub

CONFIG = b'{\n  "model_type": "qwen3",\n  "hidden_size": 8\n}\n'
FILES: dict[str, bytes | Path] = {
    "README.md": b"---\nlicense: apache-2.0\n---\n# A model\n",
    "config.json": CONFIG,
    "model-00001-of-00002.safetensors": safetensors(a=("BF16", 400), b=("F32", 100)),
    "model-00002-of-00002.safetensors": safetensors(c=("BF16", 30_000)),
    "model.safetensors.index.json": b"{}",
    "original/consolidated.00.pth": b"x" * 20_000,
    "pytorch_model.bin": b"y" * 20_000,
    "tokenizer.json": b"{}",
}


class LockFile(SingleFileSnapshotExtension):
    file_extension = "toml"
    _write_mode = WriteMode.TEXT


@pytest.fixture
def project(tmp_path: Path, hub: Hub) -> Project:
    hub.add("org/text", FILES)
    hub.add("org/vision", {"config.json": b"{}", "model.safetensors": safetensors(v=("F8_E4M3", 64))}, license="other")
    return Project(tmp_path, hub, model("text", "org/text") + model("vision", "org/vision"))


def test_a_lock_is_made_to_be_reviewed(project: Project, snapshot: SnapshotAssertion) -> None:
    done = project.run()
    assert done.returncode == 0, done.stderr
    assert project.path.read_text() == snapshot(extension_class=LockFile)
    assert "models.lock: 2 repositories, 8 files, 31,052 bytes; 1 image" in done.stderr
    assert "text: org/text: left out original/*, *.bin (40,000 bytes), not needed for serving" in done.stderr


def test_weights_are_not_fetched(project: Project, hub: Hub) -> None:
    hub.add("org/text", {"model-00001-of-00002.safetensors": safetensors(padding=150_000, a=("BF16", 900_000))})
    hub.faults.norange(path="*00001-of*", count=None)  # not even where a server does not support ranges
    assert project.lock().find(project.entry("org/text").want)
    assert project.entry("org/text").weights == {"BF16": 930_000}
    assert hub.bytes_sent("*pth") + hub.bytes_sent("*bin") == 0
    assert len(hub.requests_for("/api/models/*")) == 2
    assert not project.hub_folder.exists()


def test_a_long_header_comes_in_two_ranges(project: Project, hub: Hub) -> None:
    hub.add("org/text", {"model-00001-of-00002.safetensors": safetensors(padding=150_000, a=("U8", 2_000_000))})
    project.lock()
    assert project.entry("org/text").weights == {"BF16": 30_000, "U8": 2_000_000}
    assert hub.bytes_sent("*00001-of-00002*") < 160_000


def test_with_nothing_new_nobody_is_asked(project: Project, hub: Hub) -> None:
    project.lock()
    before, written = project.path.read_bytes(), project.path.stat().st_mtime_ns
    hub.add("org/text", {"config.json": b"{}"})
    hub.clear()
    done = project.run(HF_HUB_OFFLINE="1")
    assert (done.returncode, done.stdout, hub.requests) == (0, "", [])
    assert "nothing has changed" in done.stderr
    assert (project.path.read_bytes(), project.path.stat().st_mtime_ns) == (before, written)


def test_upgrade_moves_the_commits_and_says_what_changes(project: Project, hub: Hub) -> None:
    old = project.lock().snapshots[0].commit
    new = hub.add("org/text", {"config.json": b"{} ", "new.json": b"[1]"}, delete=["tokenizer.json"])
    hub.add("org/vision", {"config.json": b"{ }"})
    done = project.run("--upgrade", "text")
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == [
        f"~ org/text {old[:12]} → {new[:12]}: 6 bytes new",
        "    + new.json (3 bytes)",
        "    ~ config.json (3 bytes)",
        "    - tokenizer.json",
    ]
    assert project.entry("org/text").commit == new
    assert project.entry("org/vision").config == "{}"
    assert "~ org/vision" in project.run("--upgrade").stdout
    assert project.entry("org/vision").config == "{ }"


def test_a_model_to_upgrade_has_to_be_known(project: Project) -> None:
    done = project.run("--upgrade", "txt")
    assert (done.returncode, project.path.exists()) == (2, False)
    assert "has no model `txt`: did you mean `text`?" in done.stderr


@pytest.mark.parametrize(
    "args", [["--check", "--upgrade"], ["--check", "--offline"], ["--check", "text"], ["--strict"]]
)
def test_options_that_mean_nothing_together(project: Project, args: list[str]) -> None:
    assert project.run(*args).returncode == 2


def test_what_is_no_longer_wanted_goes_and_who_needs_it_is_told(project: Project, hub: Hub) -> None:
    project.lock()
    hub.clear()
    project.write(model("text", "org/text") + model("again", "org/text", 'service = "s"'))
    done = project.run()
    assert (done.returncode, hub.requests) == (0, [])
    assert [line.partition(" at ")[0] for line in done.stdout.splitlines()] == ["- org/vision"]
    assert [(entry.repo, entry.models) for entry in project.read().snapshots] == [("org/text", ["again", "text"])]


def test_other_patterns_do_not_move_the_commit(project: Project, hub: Hub) -> None:
    old = project.lock().snapshots[0].commit
    hub.add("org/text", {"config.json": b"{}"})
    project.write(model("text", "org/text", 'exclude = ["tokenizer.json"]'))
    done = project.run()
    assert project.entry("org/text").commit == old
    assert f"~ org/text (exclude tokenizer.json) {old[:12]}: 0 bytes new\n    - tokenizer.json" in done.stdout


def test_one_name_has_one_commit_for_all_who_need_it(project: Project, hub: Hub) -> None:
    project.write(model("text", "org/text") + model("part", "org/text", 'exclude = ["*.bin"]'))
    project.lock()
    assert len(hub.requests_for("/api/models/*")) == 1
    new = hub.add("org/text", {"config.json": b"{}"})
    project.lock("--upgrade", "part")
    assert {entry.commit for entry in project.read().snapshots} == {new}


def test_a_revision_is_kept_as_it_is_written(project: Project, hub: Hub) -> None:
    old = hub.add("org/text", FILES)
    hub.tag("org/text", "v1", old)
    hub.add("org/text", {"config.json": b"{}"})
    project.write(model("text", "org/text", 'revision = "v1"') + model("pin", "org/text", f'revision = "{old}"'))
    project.lock()
    assert {(entry.revision, entry.commit) for entry in project.read().snapshots} == {("v1", old), (old, old)}


def test_json_says_what_is_pinned_and_what_changed(project: Project) -> None:
    done = project.run("--format", "json")
    told = json.loads(done.stdout)
    commit = project.entry("org/text").commit
    assert told["written"] is True
    assert told["repositories"][0] | {"left_out": ..., "weights": ..., "facts": ...} == {
        "repo": "org/text", "revision": None, "commit": commit, "include": [], "exclude": [],
        "quant": None, "mmproj": False, "gguf": None, "models": ["text"],
        "license": "apache-2.0", "gated": False, "left_out": ..., "weights": ..., "facts": ..., "files": 6,
        "bytes": 30_877,
    }  # fmt: skip
    assert [(change["repo"], change["old"]) for change in told["changes"]] == [("org/text", None), ("org/vision", None)]
    assert json.loads(project.run("--format", "json").stdout)["changes"] == []


def test_a_lock_of_a_newer_format_and_a_broken_one_are_left_alone(project: Project) -> None:
    for text, sentence in (("format = 99\n", "update modelgen on this host"), ("<<<<<<< HEAD\n", "remove it and run")):
        project.path.write_text(text)
        done = project.run("--upgrade")
        assert done.returncode == 1
        assert sentence in done.stderr
        assert project.path.read_text() == text


def test_help_shows_an_example(project: Project) -> None:
    assert "modelgen lock --upgrade text-4b" in project.run("--help").stdout


def test_a_lock_can_be_made_that_tells_the_missing_length(tmp_path: Path, hub: Hub) -> None:
    config = b'{"model_type": "qwen3", "architectures": ["Qwen3ForCausalLM"], "max_position_embeddings": 4096}'
    hub.add("org/text", {"config.json": config, "model.safetensors": safetensors(a=("BF16", 400))})
    project = Project(tmp_path, hub, '[models.text]\nrepo = "org/text"\n')
    assert modelgen("build", cwd=tmp_path).returncode == 1
    project.lock()
    assert modelgen("build", cwd=tmp_path).returncode == 0
    assert '"4096"' in (tmp_path / "build" / "docker-compose.yml").read_text()


def test_what_an_engine_would_say_to_its_flags_is_nothing_to_a_lock(tmp_path: Path, hub: Hub) -> None:
    hub.add("org/text", FILES)
    project = Project(tmp_path, hub, '[models.text]\nrepo = "org/text"\nargs = { no-such-flag = 1 }\n')
    project.lock()
    assert modelgen("build", cwd=tmp_path).returncode == 1
    done = modelgen("fetch", cwd=tmp_path, env=project.environment)
    assert done.returncode == 0, done.stderr
