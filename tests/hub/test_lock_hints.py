"""What `modelgen lock --offline` advises is followed to the letter: the next `modelgen lock --offline` goes well."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

import prepared_interpreter
from compiling import REPOSITORY, modelgen
from lock_project import Project, model, safetensors

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from hub_double import Hub

SHARD, OTHER = "model-00002-of-00002.safetensors", "model-00001-of-00002.safetensors"
FILES: dict[str, bytes | Path] = {
    "README.md": b"#",
    "config.json": b'{"model_type": "qwen3"}',
    "tokenizer.json": b"{}",
    OTHER: safetensors(a=("BF16", 400)),
    SHARD: safetensors(b=("BF16", 30_000)),
    "model.safetensors.index.json": f'{{"weight_map": {{"a": "{OTHER}", "b": "{SHARD}"}}}}'.encode(),
    "Q4 [it's].gguf": b"GGUF" * 9000,
}
PROGRAMS = {"hf": "huggingface_hub.cli.hf", "modelgen": "modelgen"}


@pytest.fixture
def project(tmp_path: Path, hub: Hub) -> Project:
    """A hub directory that the official client has filled, and whose path needs quotes."""
    hub.add("org/text", FILES)
    project = Project(tmp_path, hub, model("text", "org/text"))
    for name, module in PROGRAMS.items():
        program = project.bin / name
        program.write_text(f'#!/bin/sh\nexec {sys.executable} -m {module} "$@"\n')
        program.chmod(0o755)
    project.environment |= {
        "PATH": f"{project.bin}:/usr/bin:/bin",
        "PYTHONPATH": str(REPOSITORY / "compiler"),
    }
    shell(project, f"hf download org/text --cache-dir '{project.hub_folder}'")
    return project


def shell(project: Project, command: str) -> None:
    """Run a command as a shell does; one without operators and expansions in the prepared interpreter."""
    program, *args = shlex.split(command)
    if program in PROGRAMS and not set("$`*?~|&;<>()\\\n").intersection(command):
        done = prepared_interpreter.run(PROGRAMS[program], *args, cwd=project.folder, env=project.environment)
        assert done.returncode == 0, f"{command}\n{done.stderr}"
        return
    done = subprocess.run(
        command, shell=True, cwd=project.folder, env=project.environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, f"{command}\n{done.stderr}"


def follow(project: Project, *args: str, most: int = 3) -> list[str]:
    """Run `lock --offline`, and what it advises, until it goes well; return the commands."""
    followed: list[str] = []
    for _ in range(most):
        done = project.run("--offline", *args, HF_HUB_OFFLINE="1")
        if done.returncode == 0:
            return followed
        for sentence in done.stderr.splitlines():
            commands = re.findall(r"`((?:hf|printf|mkdir|modelgen|rm) [^`]*)`", sentence)
            for command in commands:
                shell(project, command)
            followed += commands
    done = project.run("--offline", *args, HF_HUB_OFFLINE="1")
    assert done.returncode == 0, done.stderr
    return followed


def folder(project: Project) -> Path:
    return project.hub_folder / "models--org--text"


def snapshot(project: Project) -> Path:
    [found] = (folder(project) / "snapshots").iterdir()
    return found


def flip(project: Project) -> None:
    path = (snapshot(project) / SHARD).resolve()
    path.chmod(0o644)
    data = bytearray(path.read_bytes())
    data[-1] ^= 1
    path.write_bytes(data)


def cut_small_file(project: Project) -> None:
    os.truncate(snapshot(project) / "config.json", 3)


def without_links(project: Project) -> None:
    for path in [path for path in snapshot(project).iterdir() if path.is_symlink()]:
        data = path.read_bytes()
        path.unlink()
        path.write_bytes(data)
    shutil.rmtree(folder(project) / "blobs")


def flip_without_links(project: Project) -> None:
    without_links(project)
    flip(project)


def header_without_hash(project: Project) -> None:
    flip_without_links(project)
    shutil.rmtree(folder(project) / "trees")
    os.truncate(snapshot(project) / SHARD, 1000)


def link_to_another(project: Project) -> None:
    (snapshot(project) / SHARD).unlink()
    (snapshot(project) / SHARD).symlink_to((snapshot(project) / OTHER).readlink())


def dangle(project: Project) -> None:
    (snapshot(project) / SHARD).resolve().unlink()


def circle(project: Project) -> None:
    (snapshot(project) / SHARD).unlink()
    (snapshot(project) / SHARD).symlink_to(SHARD)


def lose_without_listing(project: Project) -> None:
    shutil.rmtree(folder(project) / "trees")
    (snapshot(project) / SHARD).unlink()


def ref_with_line_break(project: Project) -> None:
    ref = folder(project) / "refs" / "main"
    ref.write_text(ref.read_text() + "\n")


def ref_of_nothing(project: Project) -> None:
    (folder(project) / "refs" / "main").write_text("main")


def lose_refs(project: Project) -> None:
    shutil.rmtree(folder(project) / "refs")


def lose_ref_and_snapshot(project: Project) -> None:
    lose_refs(project)
    shutil.rmtree(folder(project) / "snapshots")


def lose_snapshot(project: Project) -> None:
    shutil.rmtree(snapshot(project))


def lose_all(project: Project) -> None:
    shutil.rmtree(project.hub_folder)


def several(project: Project) -> None:
    flip(project)
    (snapshot(project) / OTHER).unlink()
    ref_with_line_break(project)


@pytest.mark.parametrize(
    "damage",
    [
        flip,
        cut_small_file,
        flip_without_links,
        header_without_hash,
        link_to_another,
        dangle,
        circle,
        lose_without_listing,
        ref_with_line_break,
        ref_of_nothing,
        lose_refs,
        lose_ref_and_snapshot,
        lose_snapshot,
        lose_all,
        several,
    ],
)
def test_the_advice_leads_to_a_lock(project: Project, damage: Callable[[Project], None]) -> None:
    expected = project.lock("--offline").snapshots[0]
    project.path.unlink()
    damage(project)
    assert follow(project)
    found = project.read().snapshots[0]
    assert (found.commit, found.files) == (expected.commit, expected.files)


def test_only_what_is_wanted_comes(project: Project, hub: Hub) -> None:
    project.write(model("text", "org/text", 'exclude = ["*it\'s*", "*.md"]'))
    lose_all(project)
    hub.clear()
    follow(project)
    assert hub.bytes_sent("*.safetensors") > 0
    assert hub.bytes_sent("*.gguf") == 0


@pytest.mark.parametrize("revision", ["v1", "commit"])
def test_a_revision_that_is_not_there(project: Project, hub: Hub, revision: str) -> None:
    commit = hub.add("org/text", {"config.json": b"{}"})
    hub.tag("org/text", "v1", commit)
    name = commit if revision == "commit" else revision
    project.write(model("text", "org/text", f'revision = "{name}"'))
    if revision == "v1":  # the snapshot of main is there, and nobody can tell that v1 is another
        lose_all(project)
    follow(project)
    assert project.read().snapshots[0].commit == commit


def test_a_locked_commit_whose_snapshot_is_another_now(project: Project, hub: Hub) -> None:
    project.lock("--offline")
    new = hub.add("org/text", {"config.json": b"{}"})
    lose_all(project)
    shell(project, f"hf download org/text --cache-dir {project.hub_folder}")
    project.write(model("text", "org/text", 'exclude = ["x"]'))
    assert follow(project) == ["modelgen lock --offline --upgrade text"]
    assert project.read().snapshots[0].commit == new


def test_a_locked_commit_that_nothing_here_has(project: Project) -> None:
    project.lock("--offline")
    lose_ref_and_snapshot(project)
    project.write(model("text", "org/text", 'exclude = ["x"]'))
    [command] = follow(project)
    assert command.startswith("hf download org/text --revision ")


def test_weights_that_are_damaged_on_the_hub_are_not_fetched_again(project: Project, hub: Hub) -> None:
    hub.add("org/text", {SHARD: safetensors(missing=3, a=("BF16", 400))})
    shell(project, f"hf download org/text --cache-dir {project.hub_folder}")
    done = project.run("--offline")
    assert done.returncode == 1
    assert f"{SHARD} is damaged on the hub: its header lists 400 bytes" in done.stderr
    assert "hf download" not in done.stderr


@pytest.mark.parametrize("damage", ["missing", "damaged", "gone"])
def test_a_local_model(project: Project, damage: str) -> None:
    source = project.folder / "source"
    source.mkdir()
    for name in ("config.json", "tokenizer.json"):
        (source / name).write_bytes(b'{"model_type": "qwen3"}')
    (source / "model.safetensors").write_bytes(safetensors(a=("BF16", 400)))
    project.write(model("ft", "local/ft"))
    environment = project.environment
    if damage != "missing":
        shell(project, "modelgen add source --as local/ft")
        project.lock("--offline")
        project.write(model("ft", "local/ft", 'exclude = ["x"]'))
        [found] = (project.hub_folder / "models--local--ft" / "snapshots").iterdir()
        if damage == "gone":
            shutil.rmtree(found)
        else:
            blob = (found / "model.safetensors").resolve()
            blob.chmod(0o644)
            blob.write_bytes(safetensors(a=("BF16", 401)))
    done = project.run("--offline")
    assert done.returncode in (1, 3)
    commands = re.findall(r"`(modelgen [^`]*)`", done.stderr)
    assert commands
    for command in commands:
        shell(project, command.replace("PATH", "source"))
    again = modelgen("lock", "--offline", cwd=project.folder, env=environment)
    assert again.returncode == 0, again.stderr


CHAT = b'{"model_type": "qwen3", "architectures": ["Qwen3ForCausalLM"]}'


def unchecked(project: Project) -> str:
    done = project.run("--offline")
    assert done.returncode == 0, done.stderr
    lines = [line for line in done.stderr.splitlines() if "not checked" in line]
    assert len(lines) <= 1
    return "".join(lines)


def test_a_whole_snapshot_leaves_nothing_unchecked(project: Project) -> None:
    assert unchecked(project) == ""
    project.path.unlink()
    assert project.run("--offline", "--strict").returncode == 0


def test_files_without_a_hash_are_said_in_one_line(project: Project) -> None:
    without_links(project)
    shutil.rmtree(folder(project) / "trees")
    told = unchecked(project)
    assert told.startswith("modelgen: warning: text: org/text: not checked: README.md, config.json, ")
    assert " and 3 more have no hash to compare with, so their contents were not checked" in told


def test_strict_makes_it_an_error_and_writes_nothing(project: Project) -> None:
    without_links(project)
    shutil.rmtree(folder(project) / "trees")
    done = project.run("--offline", "--strict", "--format", "json")
    assert (done.returncode, project.path.exists()) == (1, False)
    assert done.stderr.splitlines()[-1] == "modelgen: models.lock is unchanged"
    assert '"unchecked": [\n    {\n      "repo": "org/text"' in done.stdout


def test_an_entry_that_is_kept_is_checked_again(project: Project) -> None:
    without_links(project)
    shutil.rmtree(folder(project) / "trees")
    assert "have no hash to compare with" in unchecked(project)
    before = project.path.read_bytes()
    assert " and 3 more have no hash in the hub directory to confirm" in unchecked(project)
    done = project.run("--offline", "--strict")
    assert (done.returncode, project.path.read_bytes()) == (1, before)
    assert "text: org/text: not checked: " in done.stderr


def test_an_entry_that_is_kept_without_its_tokenizer_is_not_strict(project: Project, hub: Hub) -> None:
    hub.add("org/text", {}, delete=["tokenizer.json"])
    shell(project, f"hf download org/text --cache-dir {project.hub_folder}")
    assert unchecked(project) == unchecked(project)
    done = project.run("--offline", "--strict")
    assert done.returncode == 1
    assert "there is no tokenizer" in done.stderr


def test_an_entry_whose_snapshot_is_not_there_is_not_strict(project: Project) -> None:
    project.lock("--offline")
    shutil.rmtree(folder(project) / "snapshots")
    assert unchecked(project).endswith("not checked: its snapshot is not in the hub directory")
    assert project.run("--offline", "--strict").returncode == 1


def test_an_entry_of_the_hub_that_was_fetched_is_strict(project: Project) -> None:
    project.lock()
    shutil.rmtree(project.hub_folder)
    assert modelgen("fetch", cwd=project.folder, env=project.environment).returncode == 0
    assert unchecked(project) == ""
    assert project.run("--offline", "--strict").returncode == 0


@pytest.mark.parametrize(
    ("delete", "add", "told"),
    [
        (["tokenizer.json"], {}, "there is no tokenizer (such as tokenizer.json)"),
        (["model.safetensors.index.json"], {}, "there is no index of its shards (model.safetensors.index.json)"),
        ([], {"config.json": CHAT}, ""),
    ],
)
def test_what_a_model_of_its_kind_needs(
    project: Project, hub: Hub, delete: list[str], add: dict[str, bytes], told: str
) -> None:
    hub.add("org/text", add, delete=delete)
    shell(project, f"hf download org/text --cache-dir {project.hub_folder}")
    assert unchecked(project).endswith(told)


def test_without_a_listing_nobody_knows_what_else_there_was(project: Project, hub: Hub) -> None:
    hub.add("org/text", {"config.json": CHAT})
    shell(project, f"hf download org/text --cache-dir {project.hub_folder}")
    shutil.rmtree(folder(project) / "trees")
    told = unchecked(project)
    assert "there is no generation_config.json, and no listing shows whether the repository has one" in told
    assert "there is no chat template, and no listing shows whether the repository has one" in told


def test_a_tokenizer_of_another_repository_will_do(project: Project, hub: Hub) -> None:
    hub.add("org/text", {}, delete=["tokenizer.json"])
    hub.add("org/words", {"tokenizer.json": b"{}"})
    for repo in ("org/text", "org/words"):
        shell(project, f"hf download {repo} --cache-dir {project.hub_folder}")
    args = 'args = { max-model-len = 8, tokenizer = "org/words" }'
    project.write(f'[models.text]\nrepo = "org/text"\n{args}\n')
    assert unchecked(project) == ""
