"""`modelgen init` where a hub cache is there already."""

from __future__ import annotations

import json
import os
import tomllib
from typing import TYPE_CHECKING, Any

import pytest

from checkpoints import CONFIG, adapter, checkpoint, pattern
from compiling import modelgen
from hub_on_disk import COMMIT, write
from modelgen.cli.configuration.init import STARTER
from modelgen.cli.configuration.starter import with_hub, with_name

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path


def repo(hub: Path, name: str) -> Path:
    """Return a snapshot's folder that an engine finds by name."""
    folder = hub / f"models--{name.replace('/', '--')}"
    write(folder / "refs/main", COMMIT.encode())
    return folder / "snapshots" / COMMIT


def init(root: Path, *args: str | Path, env: Mapping[str, str] | None = None) -> tuple[dict[str, Any], str]:
    nowhere = {"HF_HOME": str(root / "no-cache"), "HF_HUB_CACHE": "", "HUGGINGFACE_HUB_CACHE": ""}
    done = modelgen("init", *args, cwd=root, env={**nowhere, **(env or {})})
    assert done.returncode == 0, done.stderr
    return tomllib.loads((root / "models.toml").read_text()), done.stderr


def test_every_whole_model_has_a_table(tmp_path: Path) -> None:
    hub = tmp_path / "models/hub"
    checkpoint(repo(hub, "org/Chat-4B"))
    short = {**CONFIG, "max_position_embeddings": 2048, "auto_map": {"AutoModel": "x.Y"}}
    write(checkpoint(repo(hub, "gpt2")) / "config.json", json.dumps(short).encode())
    write(checkpoint(repo(hub, "BAAI/bge")) / "modules.json", b"[]")
    adapter(repo(hub, "me/sql.lora"), "org/Chat-4B", 24)
    adapter(repo(hub, "me/stray"), "org/absent")
    (checkpoint(repo(hub, "org/broken")) / "model.safetensors").unlink()
    (checkpoint(repo(hub, "org/dangling")) / "model-x.safetensors").symlink_to("../../blobs/gone")
    os.mkfifo(hub / "models--org--pipe")
    (hub / "models--org--loop").symlink_to("models--org--loop")
    write(hub / "datasets--x/refs/main", b"")
    written, said = init(tmp_path)
    gpus = ["gpu0"]
    assert written["models"] == {
        "gpt2": {"repo": "gpt2", "gpus": gpus, "args": {"max-model-len": 2048}},
        "Chat-4B": {
            "repo": "org/Chat-4B",
            "gpus": gpus,
            "args": {"max-model-len": 16384, "max-lora-rank": 32},
            "loras": {"sql.lora": "me/sql.lora"},
        },
        "bge": {"repo": "BAAI/bge", "engine": "tei", "gpus": gpus},
    }
    assert written["project"]["hub"] == "./models/hub"
    assert written["profiles"] == {"main": {"models": ["gpt2"], "default": True}}
    assert "left out org/broken: there are no weights" in said
    assert "left out org/dangling: 1 of its files is missing (model-x.safetensors)" in said
    text = (tmp_path / "models.toml").read_text()
    assert "# me/stray is an adapter of org/absent, which is not in the hub directory:" in text
    assert "# trust_remote_code = true" in text
    assert "# publish  =" in text
    done = modelgen("validate", cwd=tmp_path)
    assert done.returncode == 0, done.stdout
    assert "error" not in done.stdout


@pytest.mark.parametrize("hub", ["/h", "/srv/models/of-all/hub"])
def test_the_comments_stay_in_one_column(hub: str) -> None:
    lines = with_hub(with_name(STARTER.read_text(), "x"), hub).splitlines()
    assert len({line.index("#") for line in lines if line.startswith(("name", "hub"))}) == 1


def test_a_gguf_file_needs_the_lock(tmp_path: Path) -> None:
    hub = tmp_path / "cache"
    write(repo(hub, "org/Tiny-GGUF") / "tiny-Q4.gguf", b"GGUF" + pattern(100, 1))
    written, said = init(tmp_path, "--hub", "cache")
    assert "run `modelgen lock --offline`" in said
    assert written["project"]["hub"] == "./cache"
    assert written["models"]["Tiny-GGUF"]["file"] == "tiny-Q4.gguf"
    done = modelgen("lock", "--offline", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    done = modelgen("validate", cwd=tmp_path)
    assert done.returncode == 0, done.stdout


def test_names_that_would_be_one_service(tmp_path: Path) -> None:
    hub = tmp_path / "cache"
    for name in ("a/my_model", "b/My.Model", "c/main"):
        checkpoint(repo(hub, name))
    written, _ = init(tmp_path, "--hub", hub)
    assert set(written["models"]) == {"a-my_model", "b-My.Model", "main"}
    assert [*written["profiles"]] == ["start"]
    done = modelgen("validate", cwd=tmp_path)
    assert done.returncode == 0, done.stdout


def test_the_cache_of_the_client_is_found_and_a_given_one_comes_first(tmp_path: Path) -> None:
    cache, given = tmp_path / "outside/cache", tmp_path / "given"
    checkpoint(repo(cache, "org/a"))
    project = tmp_path / "project"
    project.mkdir()
    for env in ({"HF_HUB_CACHE": str(cache)}, {"HF_HOME": str(tmp_path / "home")}):
        if "HF_HOME" in env:
            (tmp_path / "home").mkdir()
            cache.rename(tmp_path / "home/hub")
        written, _ = init(project, env=env)
        assert written["project"]["hub"] == env.get("HF_HUB_CACHE", str(tmp_path / "home/hub"))
        assert [*written["models"]] == ["a"]
        (project / "models.toml").unlink()
    written, said = init(project, "--hub", given, env=env)
    assert written["project"]["hub"] == str(given)
    assert [*written["models"]] == ["text-4b"]
    assert "has no complete model" in said


def test_what_add_made_is_found_too(tmp_path: Path) -> None:
    init(tmp_path)
    checkpoint(tmp_path / "ft")
    assert modelgen("add", "ft", "--as", "local/ft", cwd=tmp_path).returncode == 0
    (tmp_path / "models.toml").unlink()
    written, _ = init(tmp_path)
    assert written["models"] == {"ft": {"repo": "local/ft", "gpus": ["gpu0"], "args": {"max-model-len": 16384}}}
