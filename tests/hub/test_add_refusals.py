"""`modelgen add` refuses what no engine could load, and says why."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING

import pytest

from checkpoints import adapter, checkpoint, safetensors
from compiling import complete, modelgen
from hub_on_disk import write

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

POINTER = b"version https://git-lfs.github.com/spec/v1\noid sha256:" + b"a" * 64 + b"\nsize 12345\n"
INDEX = json.dumps({"weight_map": {"a": "model-00001-of-00002.safetensors", "b": "model-00002-of-00002.safetensors"}})


def half(folder: Path) -> None:
    (folder / "model.safetensors").unlink()
    write(folder / "model-00001-of-00002.safetensors", safetensors(100))


def half_by_index(folder: Path) -> None:
    write(folder / "model.safetensors.index.json", INDEX.encode())


def lora_without_weights(folder: Path) -> None:
    adapter(folder, "org/base")
    for name in ("adapter_model.safetensors", "model.safetensors"):
        (folder / name).unlink()


def pipe(folder: Path) -> None:
    os.mkfifo(folder / "pipe.json")


def junk(folder: Path) -> None:
    (folder / "model.safetensors").unlink()
    write(folder / "pytorch_model.bin", b"junk" * 100)


def ia3(folder: Path) -> None:
    (folder / "model.safetensors").unlink()
    write(adapter(folder, "org/base") / "adapter_config.json", b'{"peft_type": "IA3"}')


REFUSALS: dict[str, tuple[Callable[[Path], object], str]] = {
    "no config": (lambda a: (a / "config.json").unlink(), "there is no config.json"),
    "config is no JSON": (lambda a: write(a / "config.json", b"{"), "config.json is not JSON, or not a table"),
    "config is a list": (lambda a: write(a / "config.json", b"[]"), "config.json is not JSON, or not a table"),
    "no weights": (lambda a: (a / "model.safetensors").unlink(), "there are no weights"),
    "half": (half, "1 of 2 shards is missing (such as model-00002-of-00002.safetensors)"),
    "half by index": (half_by_index, "2 of the shards in model.safetensors.index.json are missing (model-00001-of"),
    "bad index": (lambda a: write(a / "model.safetensors.index.json", b"[" * 10**5), "is not an index of shards"),
    "pointer": (
        lambda a: write(a / "model.safetensors", POINTER),
        "is a pointer of git-lfs, not the file; run `git lfs",
    ),
    "cut": (
        lambda a: os.truncate(a / "model.safetensors", 3000),
        "model.safetensors: its header lists 5,000 bytes",
    ),
    "no header": (
        lambda a: write(a / "model.safetensors", b"x" * 999),
        "model.safetensors: it is not a safetensors file",
    ),
    "empty": (lambda a: write(a / "model.safetensors", b""), "model.safetensors is empty"),
    "dangling": (lambda a: (a / "x.json").symlink_to("nowhere"), "x.json is a dangling symlink"),
    "circle": (lambda a: (a / "x.json").symlink_to("x.json"), "x.json is a broken link"),
    "folder in itself": (lambda a: (a / "x").symlink_to("."), "is a link to one of its parent folders"),
    "pipe": (pipe, "pipe.json is a named pipe, not a file"),
    "link out": (
        lambda a: (a / "x.json").symlink_to("/etc/passwd"),
        "x.json is a link out of the folder, to /etc/pass",
    ),
    "folder out": (lambda a: (a / "x").symlink_to("/etc"), "x is a link out of the folder, to /etc"),
    "config is empty": (lambda a: write(a / "config.json", b"{}"), "config.json has no architecture"),
    "junk": (junk, "pytorch_model.bin is not a PyTorch file"),
    "no tokenizer": (lambda a: write(a / "tokenizer.json", b""), "tokenizer.json is empty"),
    "bad tokenizer": (lambda a: write(a / "tokenizer_config.json", b"<html>"), "tokenizer_config.json is not JSON"),
    "large tokenizer": (lambda a: write(a / "tokenizer.json", b"{" + b"x" * 5 * 2**20), "tokenizer.json is not JSON"),
    "other adapter": (ia3, "adapter_config.json is of type IA3; engines load only LORA"),
    "no pooling": (
        lambda a: write(a / "modules.json", b'[{"path": "1_Pooling", "type": "sentence_transformers.models.Pooling"}]'),
        "1_Pooling/config.json is missing, which modules.json names",
    ),
    "lora": (lora_without_weights, "there is no adapter_model.safetensors"),
    "no name": (lambda a: write(a / "a\nb.json", b"x"), "is not a valid file name"),
    "not there": (lambda a: a.rename(a.parent / "b"), "a is not there"),
}


@pytest.mark.parametrize("case", REFUSALS)
def test_it_says_why(tmp_path: Path, case: str) -> None:
    damage, message = REFUSALS[case]
    (tmp_path / "models.toml").write_text(complete('[project]\nname = "demo"\nhub = "hub"\n'))
    damage(checkpoint(tmp_path / "a"))
    done = modelgen("add", "a", "--as", "local/ft", cwd=tmp_path)
    assert (done.returncode, done.stdout) == (1, ""), done.stderr
    assert message in done.stderr
    assert not (tmp_path / "hub/models--local--ft").exists()
