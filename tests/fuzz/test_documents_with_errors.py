"""Unknown engines, refused images and unknown cards beside every other key: findings, and never an exception."""

from __future__ import annotations

from typing import Any

import pytest
from outcomes import compile_anything
from toml_plain import dump

from modelgen.config import Model
from modelgen.engines import ENGINES

COMMIT = "cdbee75f17c01a7cc42f958dc650907174af0554"
IMAGES = (
    "vllm/vllm-openai:v0.11.0",
    "vllm/vllm-openai:v0.22.0-cu129",
    "vllm/vllm-openai:latest",
    "vllm/vllm-openai-rocm:v0.20.0",
    "vllm/vllm-openai-cpu:v0.20.0",
    "rocm/vllm-dev:nightly",
    "lmsysorg/sglang:v0.5.9",
    "lmsysorg/sglang:v0.5.9-rocm700-mi30x",
    "lmsysorg/sglang:v0.5.9-xeon",
    "lmsysorg/sglang-rocm:v0.5.9",
    "ghcr.io/ggml-org/llama.cpp:server-cuda13-b6500",
    "ghcr.io/ggml-org/llama.cpp:server-rocm-b6500",
    "ghcr.io/ggml-org/llama.cpp:server-b6500",
    "ghcr.io/huggingface/text-embeddings-inference:cpu-1.9",
    "ghcr.io/huggingface/text-embeddings-inference:89-1.9",
    "ghcr.io/speaches-ai/speaches:0.8.3",
    "registry.example/own:1",
    "not an: image",
    7,
)
ENGINES_OF_MODELS = (*ENGINES, "vlm", "", 7)
GPUS = (["nvidia"], ["amd"], ["cdi", "nvidia"], ["nvidia", "missing"])
KEYS: dict[str, Any] = {
    "gpu_memory": "10GiB",
    "args": {"max-model-len": 8, "tokenizer": "a/b", "tp": 2, "load-format": "gguf", "chat-template": "./t.jinja"},
    "env": {"VLLM_USE_V1": "0", "PATH": "/"},
    "include": ["*.json"],
    "exclude": ["*.bin"],
    "mmproj": True,
    "quant": "Q4_K_M",
    "draft": {"repo": "a/draft", "file": "d.gguf"},
    "loras": {"sql": "a/sql", "other": "./b"},
    "trust_remote_code": True,
    "model_arg": "path",
    "idle_timeout": "5m",
    "keep_loaded": True,
    "start_timeout": "5m",
    "concurrency": 2,
    "cpus": 2.5,
    "host_memory": "8GiB",
    "build": {"context": "./docker", "args": {"A": "b"}},
    "publish": "127.0.0.1:8001",
    "warmup": True,
    "switch": "sleep",
    "command": ["serve", "{hub}"],
    "entrypoint": [],
    "port": 8188,
    "cache": ["cache", "/huggingface/hub"],
    "offline": False,
    "version": "0.14.x",
    "fork": True,
    "health": "ready",
    "upstream_name": "",
    "compose": {"user": "somebody", "read_only": True, "volumes": ["./a:/root/.cache"], "shm_size": "1m"},
    "revision": COMMIT,
    "file": "a-00001-of-00002.gguf",
    "service": "socket-proxy",
    "aliases": ["m", "m"],
    "title": "",
    "description": "\n",
    "variants": {
        "": {"name": "m"},
        "x y": {"set_params": {"model": 1, "a": 2}, "defaults": {"a": {}}, "strip_params": ["a"]},
    },
}
LOCK = f"""
format = 1

[[snapshots]]
repo = "a/b"
commit = "{COMMIT}"
models = ["m"]
config = '{{"model_type": "gpt_oss", "max_position_embeddings": 8, "architectures": ["XForCausalLM"]}}'
files = [{{ path = "config.json", size = 2, blob = "cb0a5b1e0b0c4c9a0c1a2f3b4d5e6f708192a3b4" }}]
"""


def document(engine: object, **keys: object) -> dict[str, Any]:
    """Return a file of one model, on a host with cards of all kinds."""
    model = {"repo": "a/b", "engine": engine, **keys}
    return {
        "project": {"name": "demo", "hub": "./hub"},
        "host": {"driver": "550.54", "arch": "arm64", "memory": "8GiB", "docker": "20.10.0"},
        "gpus": {
            "nvidia": {"memory": "24GiB", "device": "0"},
            "amd": {"memory": "24GiB", "device": "/dev/dri/renderD128", "kind": "amd"},
            "cdi": {"memory": "12GiB", "device": "nvidia.com/gpu=0", "kind": "cdi"},
        },
        "models": {"m": {key: value for key, value in model.items() if value is not None}},
        "profiles": {"p": {"models": ["m", "missing"]}},
    }


def compile_both_ways(file: dict[str, Any]) -> None:
    compile_anything(dump(file).encode())
    compile_locked(file)


def compile_locked(file: dict[str, Any]) -> None:
    compile_anything(dump(file).encode(), LOCK.encode())


@pytest.mark.parametrize("image", IMAGES)
@pytest.mark.parametrize("engine", ENGINES_OF_MODELS)
def test_every_engine_with_every_image(engine: object, image: object) -> None:
    compile_both_ways(document(engine, image=image))
    for gpus in GPUS:
        compile_locked(document(engine, image=image, gpus=gpus))
    file = document(engine)
    compile_locked(file | {"engines": {str(engine) or "none": {"image": image, "version": "0.11.0"}}})
    compile_locked(file | {"defaults": {"engine": "vlm", "image": image}})


@pytest.mark.parametrize("key", KEYS)
@pytest.mark.parametrize("engine", ENGINES_OF_MODELS)
def test_every_engine_with_every_key(engine: object, key: str) -> None:
    value = KEYS[key]
    for image in (IMAGES[0], 7):
        compile_both_ways(document(engine, image=image, **{key: value}))
    compile_locked(document(engine, image=IMAGES[0], gpus=["missing"], **{key: [value, 7]}))
    compile_locked(document(engine) | {"defaults": {key: value}})


@pytest.mark.parametrize("engine", ENGINES_OF_MODELS)
def test_every_engine_with_all_keys_at_once(engine: object) -> None:
    for image in IMAGES:
        compile_both_ways(document(engine, image=image, gpus=["nvidia"], **KEYS))


def test_every_key_of_a_model_is_tried() -> None:
    assert {*KEYS, "engine", "image", "gpus", "repo"} == {*Model.model_fields}
