"""Real vLLM divides memory into the blocks that are computed, for tiny models of random weights: opt-in.

MODELGEN_VLLM and MODELGEN_NEWER_VLLM name the `vllm` commands of two versions for CPU, see tests/e2e/README.md.
"""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import pytest
from real_failures import version_of

from modelgen.engines.images.versions import Version
from modelgen.engines.vllm.memory import memory_facts
from modelgen.fit.blocks.cache import Serving, cache_of
from modelgen.fit.blocks.cache_types import cache_type
from modelgen.fit.shapes import read_shape

pytestmark = pytest.mark.vllm
GIB = 2**30
PROBE = Path(__file__).with_name("cache_probe.py")
SIZES = {
    "hidden_size": 128,  # 4 heads of 32: Qwen2 has no `head_dim`
    "intermediate_size": 256,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "head_dim": 32,
    "vocab_size": 512,
    "max_position_embeddings": 4096,
    "rms_norm_eps": 1e-6,
}
MODELS = {
    "llama": {"architectures": ["LlamaForCausalLM"], "num_hidden_layers": 3},
    "qwen2": {"architectures": ["Qwen2ForCausalLM"], "num_hidden_layers": 5},
    "qwen3": {"architectures": ["Qwen3ForCausalLM"], "num_hidden_layers": 4},
    "qwen3_moe": {
        "architectures": ["Qwen3MoeForCausalLM"],
        "num_hidden_layers": 2,
        "num_experts": 4,
        "num_experts_per_tok": 2,
        "moe_intermediate_size": 32,
    },
    "mistral": {"architectures": ["MistralForCausalLM"], "num_hidden_layers": 4, "sliding_window": 256},
    "phi3": {"architectures": ["Phi3ForCausalLM"], "num_hidden_layers": 3, "pad_token_id": 0},
    "granite": {"architectures": ["GraniteForCausalLM"], "num_hidden_layers": 6},
    "gemma3_text": {
        "architectures": ["Gemma3ForCausalLM"],
        "num_hidden_layers": 8,
        "sliding_window": 512,
        "query_pre_attn_scalar": 32,
        "layer_types": (["sliding_attention"] * 3 + ["full_attention"]) * 2,
    },
}


@pytest.fixture(scope="module", params=["MODELGEN_VLLM", "MODELGEN_NEWER_VLLM"])
def program(request: pytest.FixtureRequest) -> Path:
    """Return the command of an installed vLLM."""
    path = os.environ.get(request.param)
    if not path:
        pytest.skip(f"{request.param} names no vLLM for CPU")
    return Path(path)


@pytest.mark.parametrize("family", MODELS)
def test_blocks_and_concurrency(family: str, program: Path, tmp_path: Path) -> None:
    release = tuple(map(int, version_of(program).split(".")))
    if "sliding_window" in MODELS[family] and release < (0, 12):
        pytest.skip(f"vLLM {version_of(program)} has no sliding windows on CPU")
    config = {**SIZES, "model_type": family, "torch_dtype": "bfloat16", **MODELS[family]}
    (tmp_path / "config.json").write_text(json.dumps(config))
    done = subprocess.run(
        [program.parent / "python", PROBE, tmp_path], capture_output=True, text=True, check=False, timeout=600
    )
    assert done.returncode == 0, done.stderr[-3000:]
    found = json.loads(done.stdout.splitlines()[-1])
    shape = read_shape(config)
    facts = memory_facts(Version(release, ""), 24 * GIB, "")._replace(block=128)
    cache = cache_of(shape, Serving(cache_type("auto", shape.layers), 1, 1, 2048, 2048, 0, facts))
    assert (found["blocks"], len(found["groups"])) == (GIB // cache.block, cache.groups)
    assert found["concurrency"] == pytest.approx(cache.concurrency(GIB))
