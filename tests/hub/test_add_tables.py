"""The table that `modelgen add` prints, for each kind of checkpoint."""

from __future__ import annotations

import tomllib
from typing import TYPE_CHECKING

import pytest

from adding import add, contents, opened, project
from checkpoints import adapter, checkpoint, pattern
from hub_on_disk import write

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return project(tmp_path)


def test_an_adapter_of_a_model_that_is_served(root: Path) -> None:
    out, _ = add(root, adapter(root / "lora", "org/base"))
    assert tomllib.loads(out) == {"loras": {"ft": "local/ft"}}
    assert "# Into [models.base], which serves its base org/base; and into its args: max-lora-rank = 32" in out
    assert (opened(root) / "adapter_config.json").exists()


def test_an_adapter_of_a_model_that_is_not_served(root: Path) -> None:
    out, _ = add(root, adapter(root / "lora", "org/Other-4B", 8))
    args = {"max-model-len": 4096, "max-lora-rank": 8}
    assert tomllib.loads(out)["models"] == {
        "Other-4B": {"repo": "org/Other-4B", "gpus": ["gpu0"], "args": args, "loras": {"ft": "local/ft"}}
    }
    out, _ = add(root, adapter(root / "lora2", "/home/me/base"))
    assert "# Into the table of its base model" in out


def test_gguf_in_a_folder_alone_and_in_shards(root: Path) -> None:
    write(root / "q/m-Q4.gguf", b"GGUF" + pattern(100, 1))
    write(root / "q/mmproj-f16.gguf", b"GGUF" + pattern(100, 2))
    table = {
        "repo": "local/ft",
        "engine": "llamacpp",
        "file": "m-Q4.gguf",
        "gpus": ["gpu0"],
        "args": {"ctx-size": 4096},
    }
    out, _ = add(root, "q")
    assert tomllib.loads(out)["models"]["ft"] == {**table, "mmproj": "mmproj-f16.gguf"}
    out, _ = add(root, "q/m-Q4.gguf")
    assert tomllib.loads(out)["models"]["ft"] == table
    assert [*contents(opened(root))] == ["m-Q4.gguf"]
    for number in (1, 2):
        write(root / f"s/big-0000{number}-of-00002.gguf", b"GGUF" + pattern(100, number))
    out, _ = add(root, "s/big-00002-of-00002.gguf")
    assert tomllib.loads(out)["models"]["ft"]["file"] == "big-00001-of-00002.gguf"
    (root / "s/big-00002-of-00002.gguf").unlink()
    _, err = add(root, "s", code=1)
    assert "1 of 2 shards is missing (such as big-00002-of-00002.gguf)" in err


def test_an_embedding_model(root: Path) -> None:
    write(checkpoint(root / "e") / "modules.json", b"[]")
    out, _ = add(root, "e")
    assert tomllib.loads(out)["models"]["ft"] == {"repo": "local/ft", "engine": "tei", "gpus": ["gpu0"]}
