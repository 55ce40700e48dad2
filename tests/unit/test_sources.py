"""The manifest says where in models.toml each value of a model was written, and never what it is."""

from __future__ import annotations

import json
import tomllib

import pytest

from compiling import build, complete
from modelgen.pipeline import compile_source
from modelgen.targets import ON_HOST
from modelgen_runtime.failures.sources import places_of
from modelgen_runtime.manifest import Model, Readiness, dotted

FILE = """
[engines.vllm]
image = "vllm/vllm-openai:v0.11.0"
env = { HF_HUB_VERBOSITY = "error", VLLM_LOGGING_LEVEL = "DEBUG" }

[defaults]
gpus = ["gpu0"]
args = { max_model_len = 4096, max-num-seqs = 8 }

[models."qwen2.5-7b"]
repo = "Qwen/Qwen2.5-7B-Instruct"
gpu_memory = "10GiB"
args = { max-num-seqs = 4 }
env = { VLLM_LOGGING_LEVEL = "secret-value" }
compose = { shm_size = "8gb" }
"""
PLACES = {
    "image": "engines.vllm.image",
    "env.HF_HUB_VERBOSITY": "engines.vllm.env.HF_HUB_VERBOSITY",
    "env.VLLM_LOGGING_LEVEL": 'models."qwen2.5-7b".env.VLLM_LOGGING_LEVEL',
    "gpus": "defaults.gpus",
    "args.max-model-len": "defaults.args.max_model_len",
    "args.max-num-seqs": 'models."qwen2.5-7b".args.max-num-seqs',
    "repo": 'models."qwen2.5-7b".repo',
    "gpu_memory": 'models."qwen2.5-7b".gpu_memory',
    "compose.shm_size": 'models."qwen2.5-7b".compose.shm_size',
}


def test_a_manifest_of_containers_says_where_each_value_was_written() -> None:
    text = build(complete(FILE))["orchestrator/config/manifest.json"]
    [model] = json.loads(text)["models"]
    assert model["sources"] == PLACES
    assert "secret-value" not in text


def test_a_manifest_of_processes_says_the_same_and_no_value_in_it() -> None:
    compilation = compile_source(complete(FILE).encode(), None, root_from_out="/srv", targets=(ON_HOST,))
    [model] = json.loads(compilation.artifacts["manifest.json"])["models"]
    assert model["sources"] == PLACES
    assert "secret-value" not in json.dumps(model["sources"])


MODEL = Model(
    "qwen2.5-7b", ("qwen2.5-7b",), "vllm", Readiness("/health", 10.0), (), reservations={"gpu0": 1}, sources=PLACES
)


@pytest.mark.parametrize(
    ("key", "place"),
    [
        ("args.max-model-len", "defaults.args.max_model_len"),
        ("args.enforce-eager", 'models."qwen2.5-7b".args.enforce-eager'),
        ("image", "engines.vllm.image"),
        ("gpu.limit", "gpus.gpu0.limit"),
        ("engine.version", "engines.vllm.version"),
        ("host.platform", "host.platform"),
        ("project.hub", "project.hub"),
    ],
)
def test_a_key_has_its_place_whether_it_was_written_or_not(key: str, place: str) -> None:
    assert places_of(MODEL, [key]) == (place,)


@pytest.mark.parametrize("name", ["plain-1_A", "qwen2.5", "", 'a"b\\c', "ü \n\x00\x7f"])
def test_a_dotted_path_is_toml(name: str) -> None:
    assert tomllib.loads(f"{dotted('models', name, 'args')} = 1") == {"models": {name: {"args": 1}}}
