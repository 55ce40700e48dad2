"""`modelgen verify --load` of llama.cpp: the parts of a file, and what its metadata says."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from gguf_files import gguf
from loading import load, place

if TYPE_CHECKING:
    from pathlib import Path

ARCHITECTURE = ("general.architecture", "llama")
TOKENIZER = ("tokenizer.ggml.model", "gpt2")
TEMPLATE = ("tokenizer.chat_template", "{{ messages }}")
WHOLE = (ARCHITECTURE, TOKENIZER, ("tokenizer.ggml.tokens", ["a", "b"]), ("llama.block_count", 3), TEMPLATE)


def llamacpp(file: str, keys: str = "") -> str:
    image = "ghcr.io/ggml-org/llama.cpp:server-b6500"
    return f'[models.m]\nengine = "llamacpp"\nimage = "{image}"\nrepo = "org/gguf"\nfile = "{file}"\n{keys}\n'


def put(root: Path, file: str, files: dict[str, bytes], keys: str = "") -> None:
    stem = file.rpartition("-00001-of-")[0]
    include = [f"{stem}-*-of-00002.gguf" if stem else file, *(["mmproj.gguf"] if "mmproj" in keys else [])]
    place(root, llamacpp(file, keys), {"org/gguf": files}, include=tuple(include))


def test_a_whole_file_is_loadable(tmp_path: Path) -> None:
    put(tmp_path, "m.gguf", {"m.gguf": gguf(*WHOLE)})
    asked = load(tmp_path)
    assert (asked.code, asked.findings, asked.verdicts["m"]["status"]) == (0, [], "loadable")


def test_all_parts_are_needed(tmp_path: Path) -> None:
    put(tmp_path, "m-00001-of-00002.gguf", {"m-00001-of-00002.gguf": gguf(*WHOLE)})
    assert load(tmp_path).wrong == ["gguf: m-00002-of-00002.gguf is missing"]


def test_the_vision_part_is_needed(tmp_path: Path) -> None:
    put(tmp_path, "m.gguf", {"m.gguf": gguf(*WHOLE)}, 'mmproj = "mmproj.gguf"')
    assert load(tmp_path).wrong == ["gguf: mmproj.gguf is missing"]
    put(tmp_path, "m.gguf", {"m.gguf": gguf(*WHOLE), "mmproj.gguf": gguf(ARCHITECTURE)}, 'mmproj = "mmproj.gguf"')
    assert load(tmp_path).wrong == []


@pytest.mark.parametrize(
    ("data", "wrong"),
    [
        (b"", "gguf: m.gguf is not a GGUF file"),
        (b"PK\x03\x04" * 100, "gguf: m.gguf is not a GGUF file"),
        (gguf(*WHOLE)[:60], "gguf: m.gguf is not a GGUF file"),
        (gguf(*WHOLE, count=2**60), "gguf: m.gguf is not a GGUF file"),
        (gguf(*WHOLE[1:]), "gguf: m.gguf has no architecture"),
        (gguf(ARCHITECTURE, TEMPLATE), "tokenizer: m.gguf contains no tokenizer"),
    ],
)
def test_metadata_that_llamacpp_cannot_use(tmp_path: Path, data: bytes, wrong: str) -> None:
    put(tmp_path, "m.gguf", {"m.gguf": data})
    [found] = load(tmp_path).wrong
    assert found.startswith(wrong)


def test_a_file_without_a_chat_template_is_reported(tmp_path: Path) -> None:
    put(tmp_path, "m.gguf", {"m.gguf": gguf(*WHOLE[:-1])})
    asked = load(tmp_path)
    assert (asked.code, asked.warnings) == (0, ["chat-template: m.gguf"])
    for args in ('chat-template = "chatml"', "embeddings = true"):
        put(tmp_path, "m.gguf", {"m.gguf": gguf(*WHOLE[:-1])}, f"args = {{ {args} }}")
        assert load(tmp_path).warnings == []


def helps(root: Path) -> list[str]:
    return [found["help"] for found in load(root).findings]


def test_a_file_with_the_bytes_of_the_lock_is_not_fetched_again(tmp_path: Path) -> None:
    put(tmp_path, "m.gguf", {"m.gguf": b"no GGUF file, and locked as it is"})
    [told] = helps(tmp_path)
    assert told.startswith("the repository's own file is bad: set another `file` or `revision` in the table of `m`")


def test_a_file_with_other_bytes_than_the_lock_is_fetched_again(tmp_path: Path) -> None:
    put(tmp_path, "m.gguf", {"m.gguf": gguf(*WHOLE)})
    [path] = (tmp_path / "hub").rglob("m.gguf")
    path.resolve().write_bytes(b"x" * path.stat().st_size)
    assert helps(tmp_path) == ["run `modelgen verify --fix`, then `modelgen fetch`"]
