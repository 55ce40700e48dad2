"""Which GGUF files `quant`, `mmproj = true` and `draft` lock, and what the engine gets."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from compiling import modelgen
from lock_project import Project

if TYPE_CHECKING:
    from pathlib import Path

    from hub_double import Hub

NAMES = (
    "m-Q4_K_M.gguf",
    "m-UD-Q4_K_M.gguf",
    "m-UD-Q6_K_XL.gguf",
    "BF16/m-BF16-00001-of-00002.gguf",
    "BF16/m-BF16-00002-of-00002.gguf",
    "imatrix_m.gguf",
    "mmproj-F16.gguf",
    "mmproj-F32.gguf",
)
FILES: dict[str, bytes | Path] = {name: b"GGUF" + name.encode() for name in NAMES}


def gguf(keys: str) -> str:
    return (
        '[engines.llamacpp]\nimage = "ghcr.io/ggml-org/llama.cpp:server-cuda-b6500"\n'
        f'[models.m]\nengine = "llamacpp"\nrepo = "org/gguf"\ngpus = ["gpu0"]\nargs = {{ c = 8 }}\n{keys}\n'
    )


@pytest.mark.parametrize(
    ("keys", "kept"),
    [
        ('quant = "Q4_K_M"', ["m-Q4_K_M.gguf"]),
        ('quant = "q4_k_m"', ["m-Q4_K_M.gguf"]),
        ('quant = "UD-Q4_K_M"', ["m-UD-Q4_K_M.gguf"]),
        ('quant = "Q6_K_XL"', ["m-UD-Q6_K_XL.gguf"]),
        ('quant = "bf16"', ["BF16/m-BF16-00001-of-00002.gguf", "BF16/m-BF16-00002-of-00002.gguf"]),
        ('quant = "Q4_K_M"\nmmproj = true', ["m-Q4_K_M.gguf", "mmproj-F16.gguf"]),
        ('file = "m-Q4_K_M.gguf"\nmmproj = true', ["m-Q4_K_M.gguf", "mmproj-F16.gguf"]),
        ('quant = "Q4_K_M"\nmmproj = "mmproj-F32.gguf"', ["m-Q4_K_M.gguf", "mmproj-F32.gguf"]),
    ],
)
def test_the_lock_has_what_was_picked_and_the_engine_gets_it(
    tmp_path: Path, hub: Hub, keys: str, kept: list[str]
) -> None:
    commit = hub.add("org/gguf", FILES)
    project = Project(tmp_path, hub, gguf(keys))
    [entry] = project.lock().snapshots
    assert [file.path for file in entry.files] == kept
    assert project.run("--check").returncode == 0
    hub.clear()
    assert project.lock().snapshots == [entry], "it is kept, without a look-up"
    assert not hub.requests
    built = modelgen("build", cwd=tmp_path)
    assert built.returncode == 0, built.stderr
    compose = (tmp_path / "build" / "docker-compose.yml").read_text()
    named = re.findall(rf"/snapshots/{commit}/([^\s\"',]+)", compose)
    assert named == [path for path in kept if "00002-of" not in path]


def test_another_quant_is_locked_at_the_same_commit(tmp_path: Path, hub: Hub) -> None:
    commit = hub.add("org/gguf", FILES)
    project = Project(tmp_path, hub, gguf('quant = "Q4_K_M"'))
    project.lock()
    hub.add("org/gguf", {"README.md": b"changed"})
    project.write(gguf('quant = "UD-Q4_K_M"'))
    stale = modelgen("build", cwd=tmp_path)
    assert "models.lock" in stale.stderr
    [entry] = project.lock().snapshots
    assert (entry.commit, entry.include) == (commit, ["m-UD-Q4_K_M.gguf"])


@pytest.mark.parametrize(
    ("keys", "said"),
    [
        ('quant = "Q3_K_S"', "has no GGUF file in Q3_K_S; there are Q4_K_M, UD-Q4_K_M, UD-Q6_K_XL"),
        ('quant = "Q8_0"', "correct `quant` in models.toml"),
    ],
)
def test_a_quant_that_the_repository_lacks(tmp_path: Path, hub: Hub, keys: str, said: str) -> None:
    hub.add("org/gguf", {name: b"GGUF" for name in NAMES if "BF16" not in name})
    done = Project(tmp_path, hub, gguf(keys)).run()
    assert (done.returncode, said in done.stderr) == (1, True), done.stderr


def test_several_models_in_one_quant_and_no_vision_part(tmp_path: Path, hub: Hub) -> None:
    hub.add("org/gguf", {"small-Q4_0.gguf": b"GGUF", "large-Q4_0.gguf": b"GGUF"})
    project = Project(tmp_path, hub, gguf('quant = "Q4_0"'))
    assert "`large-Q4_0.gguf`, `small-Q4_0.gguf`; name one with `file`" in project.run().stderr
    project.write(gguf('file = "small-Q4_0.gguf"\nmmproj = true'))
    assert "has no vision part (mmproj*.gguf); remove `mmproj`" in project.run().stderr


def test_a_draft_model_is_locked_and_passed(tmp_path: Path, hub: Hub) -> None:
    hub.add("org/gguf", FILES)
    commit = hub.add("org/small", {"s-Q8_0.gguf": b"GGUF", "s-Q4_0.gguf": b"GGUF"})
    draft = 'quant = "Q4_K_M"\ndraft = { repo = "org/small", quant = "q8_0" }'
    project = Project(tmp_path, hub, gguf(draft))
    assert "the commit of org/gguf is not known" in modelgen("build", cwd=tmp_path).stderr
    project.lock()
    assert [file.path for file in project.entry("org/small").files] == ["s-Q8_0.gguf"]
    built = modelgen("build", cwd=tmp_path)
    assert built.returncode == 0, built.stderr
    compose = (tmp_path / "build" / "docker-compose.yml").read_text()
    place = rf"--model-draft\S*\s+\S*/models--org--small/snapshots/{commit}/s-Q8_0\.gguf"
    assert re.search(place, compose.replace("- ", " ")), compose
    assert "n-gpu-layers-draft" in compose
    assert modelgen("fetch", cwd=tmp_path, env=hub.environment).returncode == 0
    [file] = (tmp_path / "models" / "hub").rglob("s-Q8_0.gguf")
    file.unlink()
    looked = modelgen("verify", "--quick", "--load", cwd=tmp_path)
    assert "s-Q8_0.gguf is missing" in looked.stdout + looked.stderr


def test_a_draft_of_the_same_repository(tmp_path: Path, hub: Hub) -> None:
    hub.add("org/gguf", FILES)
    project = Project(tmp_path, hub, gguf('quant = "bf16"\ndraft = { repo = "org/gguf", file = "m-Q4_K_M.gguf" }'))
    assert sorted(len(entry.files) for entry in project.lock().snapshots) == [1, 2]
    assert modelgen("build", cwd=tmp_path).returncode == 0


def test_offline_the_same_files_are_picked(tmp_path: Path, hub: Hub) -> None:
    hub.add("org/gguf", FILES)
    project = Project(tmp_path, hub, gguf('quant = "q4_k_m"\nmmproj = true'))
    [online] = project.lock().snapshots
    assert modelgen("fetch", cwd=tmp_path, env=hub.environment).returncode == 0
    project.path.unlink()
    [offline] = project.lock("--offline").snapshots
    assert (offline.want, offline.include, offline.files) == (online.want, online.include, online.files)
    project.write(gguf('quant = "Q6_K_XL"'))
    assert "has no GGUF file in Q6_K_XL; there are Q4_K_M" in project.run("--offline").stderr
