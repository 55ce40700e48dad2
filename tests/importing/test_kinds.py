"""Configs of llama-swap and `vllm serve` lines become a models.toml; flags, hubs and secrets in special forms."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from imports import COMPOSE, errors, imported
from modelgen.foreign import read_files
from modelgen.importing import import_services

EDITS = {"set_params": {"top_p": 0.9}, "strip_params": ["temperature"]}
SWAP = (Path(__file__).parent / "swap.yaml").read_text()
SERVE = """\
vllm serve Qwen/Qwen3-8B --max-model-len 16384 --gpu-memory-utilization 0.45 --served-model-name chat fast &
vllm serve Qwen/Qwen3-Embedding-0.6B --runner pooling --max-model-len 8192 --gpu-memory-utilization 0.2 --port 8001 &
CUDA_VISIBLE_DEVICES=1,2 vllm serve Qwen/Qwen3-32B-AWQ --max-model-len 8192 --tensor-parallel-size 2 --api-key secret
"""


def model(lines: str, **service: str) -> tuple[dict[str, Any], str, str]:
    """Return the table of a model of vLLM 0.30.0 with a command, the text, and the notes."""
    keys = "".join(f"    {key}: {value}\n" for key, value in service.items())
    text = f"services:\n  a:\n    image: vllm/vllm-openai:v0.30.0\n    command: {lines}\n{keys}    gpus: all\n"
    found = imported(text)
    assert errors(found) == []
    return tomllib.loads(found.text)["models"]["a"], found.text, "\n".join(found.notes)


def test_llama_swap() -> None:
    found = imported(SWAP, "config.yaml", card="RTX 3090")
    assert errors(found) == []
    table = tomllib.loads(found.text)
    models, notes = table["models"], "\n".join(found.notes)
    assert [*models] == ["qwen", "embed", "rerank", "coder", "token"]
    assert models["qwen"] | {"image": ""} == {
        "engine": "llamacpp",
        "repo": "unsloth/Qwen3-8B-GGUF",
        "quant": "Q4_K_M",
        "image": "",
        "gpus": ["gpu1"],
        "idle_timeout": "600s",
        "concurrency": 4,
        "args": {"n-gpu-layers": 99, "ctx-size": 16384},
        "variants": {
            "gpt-4o-mini": {"name": "gpt-4o-mini", **EDITS},
            "claude-1m": {"name": "claude[1m]", **EDITS},
            "filtered": EDITS,
        },
    }
    assert models["rerank"]["title"] == "Embeddings"
    assert models["embed"]["keep_loaded"] is True
    assert "keep_loaded" not in models["rerank"]
    assert "`rerank`: write `gpu_memory` of it and of `qwen`, then `keep_loaded = true`" in notes
    assert (models["coder"]["gpu_memory"], models["coder"]["gpus"]) == (0.7, ["gpu0"])
    assert models["token"]["env"] == {"VLLM_LOGGING_LEVEL": "DEBUG"}
    assert table["defaults"] == {"idle_timeout": "900s", "start_timeout": "500s"}
    assert table["profiles"]["preload"] == {"models": ["qwen"], "default": True}
    assert table["orchestrator"]["loading_messages"] == "reasoning"
    assert "the models of the group `big` take turns" in found.text
    assert "variants" not in models["coder"]
    for word in ("checkEndpoint", "useModelName", "cmdStop"):
        assert f"  {word}" in found.text, word
    for sentence in (
        "clients that need its `filters` send `qwen:filtered`",
        "`voice` runs no engine",
        "HF_TOKEN in the shell",
    ):
        assert sentence in notes, sentence
    assert "a-key-of-a-client" not in found.text + notes


def test_serve_lines() -> None:
    found = imported(SERVE, "serve.sh", card="RTX 3090")
    assert errors(found) == []
    table = tomllib.loads(found.text)
    assert [*table["models"]] == ["chat", "qwen3-embedding-0.6b", "qwen3-32b-awq"]
    assert table["models"]["chat"]["aliases"] == ["fast"]
    assert table["models"]["qwen3-32b-awq"]["gpus"] == ["gpu1", "gpu2"]
    assert table["models"]["qwen3-32b-awq"]["gpu_memory"] == 0.9
    assert "secret" not in found.text.replace("a secret", "")
    assert any("modelgen key" in note for note in found.notes)


def test_a_removed_flag_becomes_its_replacement() -> None:
    table, text, _ = model("[a/b, --max-model-len, '4096', --guided-decoding-backend, xgrammar]")
    assert table["args"] == {"max-model-len": 4096, "structured-outputs-config": {"backend": "xgrammar"}}
    assert "# was: --guided-decoding-backend xgrammar, which vLLM 0.30.0 does not have" in text


def test_a_flag_without_replacement_is_left_out() -> None:
    table, text, notes = model("[a/b, --max-model-len, '4096', --swap-space, '4']")
    assert table["args"] == {"max-model-len": 4096}
    assert "#   --swap-space 4: vLLM 0.30.0 has no such flag" in text
    assert "left out --swap-space" in notes


@pytest.mark.parametrize(
    ("command", "share"),
    [
        ("[a/b, --gpu-memory-utilization, '0.5']", 0.5),
        ("[a/b]", 0.92),
        ("[a/b, --gpu-memory-utilization, '0.98']", 0.98),
    ],
)
def test_shares(command: str, share: float) -> None:
    table, text, _ = model(command)
    assert table["gpu_memory"] == share
    assert ("limit" in text) is (share > 0.95)


@pytest.mark.parametrize(
    ("mount", "hub"),
    [
        ("/srv/hub:/root/.cache/huggingface/hub", "/srv/hub"),
        ("/srv/hf:/root/.cache/huggingface", "/srv/hf/hub"),
        ("~/.cache/huggingface:/root/.cache/huggingface/hub", "~/.cache/huggingface/hub"),
        ("~/.cache/huggingface/hub:/root/.cache/huggingface", "~/.cache/huggingface/hub"),
        ("weights:/root/.cache/huggingface", "./models/hub"),
    ],
)
def test_the_hub(mount: str, hub: str) -> None:
    text = f"services: {{a: {{image: 'vllm/vllm-openai:v0.30.0', command: [a/b], volumes: ['{mount}'], gpus: all}}}}"
    assert tomllib.loads(imported(text).text)["project"]["hub"] == hub


def test_paths_are_relative_to_models_toml() -> None:
    text = "services: {a: {image: 'me/vllm:1', build: ., command: [vllm, serve, a/b], volumes: ['./x:/x'], gpus: all}}"
    found = tomllib.loads(imported(text, folder="stack").text)["models"]["a"]
    assert found["build"] == {"context": "./stack"}
    assert found["compose"] == {"volumes": ["./stack/x:/x"]}


def test_sglang_shares_follow_the_release() -> None:
    text = """services: {a: {image: 'lmsysorg/sglang:v0.5.9', gpus: all,
      command: [python3, -m, sglang.launch_server, --model-path, a/b, --mem-fraction-static, '0.6']}}"""
    unknown = tomllib.loads(imported(text).text)["models"]["a"]
    assert (unknown["args"], "gpu_memory" in unknown) == ({"mem-fraction-static": 0.6}, False)
    known = tomllib.loads(imported(text, card="RTX 3090").text)["models"]["a"]
    assert "args" not in known
    assert 0.6 < known["gpu_memory"] < 0.9


TOKEN = "hf_QmVzdGlzY2hTdHJpbmdPaG5lU2lubgAbC"


@pytest.mark.parametrize(
    "service",
    [
        f"environment: {{HF_TOKEN: {TOKEN}}}",
        f"environment: {{SOME_NAME: {TOKEN}}}",
        f"environment: {{MY_SECRET: {TOKEN[3:]}}}",
        f"labels: {{team: {TOKEN}}}",
        f"build: {{context: ., args: {{HF: {TOKEN}}}}}",
        f"x-note: {TOKEN}",
        f"entrypoint: [bash, -c, 'export HF_TOKEN={TOKEN}; exec vllm serve \"$@\"', --]",
        f"volumes: ['/srv/{TOKEN}:/x']",
    ],
)
def test_secrets_are_not_copied(service: str) -> None:
    command = f"command: [a/b, --hf-token, {TOKEN}]"
    found = imported(f"services:\n  a:\n    image: vllm/vllm-openai:v0.30.0\n    {command}\n    {service}\n")
    assert TOKEN[3:] not in found.text + "".join(found.notes)
    assert service.startswith("environment") or service.partition(":")[0] in found.text


WORDS = [
    "services:",
    "a:",
    "image: vllm/vllm-openai:v0.30.0",
    "command:",
    "- a/b",
    "volumes: [x:/y]",
    "gpus: all",
    "\n",
    "\n  ",
]
WORDS += [
    "\n    ",
    "--model",
    "/m/x",
    "[",
    "]",
    "{",
    "}",
    "&x",
    "*x",
    "<<: *x",
    "deploy:",
    "build:",
    "labels:",
    "null",
    "'",
    "#",
]


@settings(max_examples=150, deadline=None)
@given(st.lists(st.sampled_from(WORDS), max_size=40).map("".join))
def test_any_text_gives_toml(text: str) -> None:
    found = import_services(read_files([(COMPOSE, text.encode())]), project="x")
    tomllib.loads(found.text)


@pytest.mark.parametrize(
    "value", ["null", "[]", "{}", "7", "x", "[null]", "{a: null}", "[[1]]", "{a: {b: [c]}}", "true"]
)
@pytest.mark.parametrize(
    "key",
    [
        "deploy",
        "build",
        "labels",
        "tmpfs",
        "volumes",
        "networks",
        "ulimits",
        "healthcheck",
        "ports",
        "profiles",
        "shm_size",
    ],
)
def test_any_value_of_a_key_gives_toml(key: str, value: str) -> None:
    text = f"services:\n  a:\n    image: vllm/vllm-openai:v0.30.0\n    command: [a/b]\n    {key}: {value}\n"
    tomllib.loads(imported(text).text)


@pytest.mark.parametrize(
    "value", ["null", "[]", "{}", "7", "x", "[null]", "{a: null}", "[[1]]", "{a: {b: [c]}}", "true"]
)
@pytest.mark.parametrize("key", ["aliases", "ttl", "filters", "concurrencyLimit", "env", "macros", "metadata"])
def test_any_setting_of_llama_swap_gives_toml(key: str, value: str) -> None:
    text = f"models:\n  a:\n    cmd: vllm serve a/b\n    {key}: {value}\n"
    text += f"groups: {value}\nhooks: {value}\nglobalTTL: {value}\n"
    tomllib.loads(imported(text).text)
