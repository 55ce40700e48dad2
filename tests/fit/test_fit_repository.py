"""`modelgen fit REPO --gpu CARD` looks a repository up on the hub, without a models.toml, and writes nothing."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

import pytest

from compiling import modelgen
from fit_projects import HEAD, QWEN_4B, THREE, model
from gguf_files import Value, gguf
from lock_project import safetensors

if TYPE_CHECKING:
    from pathlib import Path

    from hub_double import Hub

REPO = "org/qwen"


@pytest.fixture
def folder(tmp_path: Path, hub: Hub) -> Path:
    """An empty folder, and a hub with a repository."""
    narrow = json.dumps(QWEN_4B | {"hidden_size": 256})  # which 2 MB of tensors are enough for
    hub.add(REPO, {"config.json": narrow.encode(), "model.safetensors": safetensors(a=("BF16", 2 * 10**6))})
    folder = tmp_path / "empty"
    folder.mkdir()
    return folder


def fit(folder: Path, hub: Hub, *args: str, code: int = 0, **environment: str) -> str:
    done = modelgen("fit", *args, cwd=folder, env={**hub.environment, **environment})
    assert done.returncode == code, done.stderr + done.stdout
    assert "Traceback" not in done.stderr
    return done.stdout + done.stderr


def test_a_repository_in_an_empty_folder(folder: Path, hub: Hub) -> None:
    shown = fit(folder, hub, REPO, "--gpu", "RTX 4090", "--context", "32k")
    assert "qwen   RTX 4090  22.79 GiB" in shown
    assert "fits 32,768 tokens" in shown
    assert re.search(r"^org/qwen: vLLM \S+, which reserves 0.95 of the GPU$", shown, re.MULTILINE)
    assert [*folder.iterdir()] == []


def test_without_a_length_the_longest_that_fits_is_shown(folder: Path, hub: Hub) -> None:
    assert re.search(r"fits 14\d,\d{3} tokens", fit(folder, hub, REPO, "--gpu", "RX 7900 XTX"))


def test_what_does_not_fit_is_said_with_what_would(folder: Path, hub: Hub) -> None:
    shown = fit(folder, hub, REPO, "--gpu", "RX 7900 XTX", "--context", "256k", code=1)
    assert "262,144 tokens need more" in shown
    assert "qwen: write `max-model-len = " in shown


@pytest.mark.parametrize("change", [("--kv-cache-dtype", "fp8"), ("--tp", "2")])
def test_a_what_if_changes_the_longest_request(folder: Path, hub: Hub, change: tuple[str, str]) -> None:
    assert "fits 262,144 tokens" in fit(folder, hub, REPO, "--gpu", "RTX 4090", *change)


def test_the_newest_release_with_kernels_for_the_gpu_is_taken(folder: Path, hub: Hub) -> None:
    why = fit(folder, hub, REPO, "--gpu", "V100 16GB", "--why")
    assert "CUDA graphs" in fit(folder, hub, REPO, "--gpu", "RTX 4090", "--why")
    assert "CUDA graphs" not in why  # which 0.19.1 does not count, the last release for a V100
    shown = fit(folder, hub, REPO, "--gpu", "GTX 1080", code=1)
    assert "no release of vLLM has kernels for GTX 1080 (6.1): name another GPU" in shown


def test_a_length_that_config_json_lacks_is_taken_from_the_option(folder: Path, hub: Hub) -> None:
    config = {key: value for key, value in QWEN_4B.items() if key != "max_position_embeddings"} | {"hidden_size": 256}
    hub.add(
        "org/short",
        {"config.json": json.dumps(config).encode(), "model.safetensors": safetensors(a=("BF16", 2 * 10**6))},
    )
    lacking = "`max-model-len` is not written, and config.json has no `max_position_embeddings`"
    assert lacking in fit(folder, hub, "org/short", "--gpu", "RTX 4090")
    assert "fits 448 tokens" in fit(folder, hub, "org/short", "--gpu", "RTX 4090", "--context", "448")


@pytest.mark.parametrize(
    ("files", "why"),
    [
        ({"config.json": b'{"model_type'}, "cannot be used: config.json is not JSON, or not a table"),
        ({"config.json": b"[]"}, "cannot be used: config.json is not JSON, or not a table"),
        ({"README.md": b"a"}, "has no config.json, so no engine can load it"),
    ],
)
def test_a_repository_that_cannot_be_used_has_a_reason(
    folder: Path, hub: Hub, files: dict[str, bytes], why: str
) -> None:
    hub.add("org/bad", {**files, "model.safetensors": safetensors(a=("BF16", 10**6))})
    assert fit(folder, hub, "org/bad", "--gpu", "RTX 4090", code=1) == f"modelgen: org/bad {why}\n"


def test_the_model_of_the_file_comes_first(folder: Path, hub: Hub) -> None:
    (folder / "models.toml").write_text(HEAD + model("mine", THREE[0][1], max_model_len=8192))
    assert "mine   gpu0" in fit(folder, hub, THREE[0][1])
    assert "qwen   RTX 4090" in fit(folder, hub, REPO, "--gpu", "RTX 4090", "--context", "8192")


@pytest.mark.parametrize(
    ("args", "code", "message"),
    [
        ((REPO,), 2, 'org/qwen is not in models.toml: name a GPU to look it up for, such as --gpu "RTX 4090"'),
        (("org/none", "--gpu", "RTX 4090"), 1, "org/none"),
        (("local/mine", "--gpu", "RTX 4090"), 3, "there is no models.toml"),
        ((REPO, "org/none", "--gpu", "RTX 4090"), 2, "there is no models.toml with org/qwen and org/none: name one"),
        (
            ("org/qwen:Q4_K_M", "--gpu", "RTX 4090"),
            2,
            "there is no models.toml with org/qwen:Q4_K_M: name one repository",
        ),
        (("https://hub.example/org/qwen",), 2, "is not a repository id: write it as on its page, such as org/name"),
    ],
)
def test_what_cannot_be_looked_up(folder: Path, hub: Hub, args: tuple[str, ...], code: int, message: str) -> None:
    assert message in fit(folder, hub, *args, code=code)


def test_a_hub_that_does_not_answer(folder: Path, hub: Hub) -> None:
    shown = fit(folder, hub, REPO, "--gpu", "RTX 4090", code=3, HF_ENDPOINT="http://modelgen.invalid")
    assert shown.startswith("modelgen: org/qwen: http://modelgen.invalid cannot be reached")
    offline = fit(folder, hub, REPO, "--gpu", "RTX 4090", code=3, HF_HUB_OFFLINE="1")
    assert offline.endswith("this command needs the hub; unset it\n")


def qwen(scale: int) -> bytes:
    metadata: dict[str, Value] = {
        "general.architecture": "qwen3",
        "qwen3.block_count": 2,
        "qwen3.embedding_length": 1024,
        "qwen3.feed_forward_length": 3072,
        "qwen3.attention.head_count": 16,
        "qwen3.attention.head_count_kv": 8,
        "tokenizer.ggml.tokens": ["a", "b"],
    }
    tensors = {"token_embd.weight": 3200, "blk.0.a": scale * 10**6, "blk.1.a": scale * 10**6, "output.weight": 3200}
    return gguf(*metadata.items(), tensors=tensors)


def test_all_quantizations_of_a_repository_are_rows(folder: Path, hub: Hub) -> None:
    hub.add(
        "org/qwen-GGUF",
        {"q-Q8_0.gguf": qwen(8), "q-Q4_K_M.gguf": qwen(4), "mmproj-F16.gguf": gguf(), "q-Q2_K.gguf": b"GGUF" * 9},
    )
    shown = fit(folder, hub, "org/qwen-GGUF", "--gpu", "RTX 4090", "--context", "32k")
    rows = [line.split()[0] for line in shown.splitlines() if "RTX 4090" in line]
    assert rows == ["Q2_K", "Q4_K_M", "Q8_0"]
    assert shown.count("fits 32,768 tokens") == 2
    assert "cannot estimate: the header of its GGUF file cannot be read" in shown
    why = fit(folder, hub, "org/qwen-GGUF", "--gpu", "RTX 4090", "--why")
    assert "2 of 2 layers, and the output (models.lock)" in why
    assert "16,384 tokens, shared by 4 slots" in why
    refused = fit(folder, hub, "org/qwen-GGUF", "--gpu", "RTX 4090", "--kv-cache-dtype", "fp8", code=1)
    assert "`cache-type-k` of llama.cpp" in refused
    assert "does not fit" in fit(folder, hub, "org/qwen-GGUF", "--gpu", "RTX 4090", "--context", "4m", code=1)
    whole = [request for request in hub.requests if request.path.endswith(".gguf") and not request.range]
    assert not whole
