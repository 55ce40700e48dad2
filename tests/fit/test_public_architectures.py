"""The KV cache of public architectures, by hand: bytes of a block, groups, tokens of a block, blocks of a request.

A request has 8,192 tokens, a batch 2,048. Numbers that logs confirm are in docs/starts.toml too.
"""

from __future__ import annotations

import pytest

from golden_configs import CONFIGS
from modelgen.engines.images.versions import Version
from modelgen.engines.vllm.memory import memory_facts
from modelgen.fit.blocks.cache import Cache, Serving, cache_of
from modelgen.fit.blocks.cache_types import cache_type
from modelgen.fit.shapes import read_shape

GIB = 2**30


def cache(model: str, parallel: int = 1, dtype: str = "auto", release: tuple[int, ...] = (0, 19), **more: int) -> Cache:
    shape = read_shape(CONFIGS[model])
    facts = memory_facts(Version(release, ""), 24 * GIB, "")
    stages, drafts = more.get("stages", 1), more.get("drafts", 0)
    return cache_of(shape, Serving(cache_type(dtype, shape.layers), parallel, stages, 8192, 2048, drafts, facts))


@pytest.mark.parametrize(
    ("model", "token"),
    [
        ("Qwen2.5-1.5B", 28 * 2 * 128 * 2 * 2),
        ("Qwen2.5-7B", 57_344),
        ("Qwen2.5-VL-7B", 57_344),
        ("Qwen3-0.6B", 114_688),
        ("Qwen3-14B", 163_840),
        ("Qwen3-30B-A3B", 98_304),
        ("Qwen3-235B-A22B", 94 * 4 * 256 * 2),
        ("Qwen3-VL-8B", 147_456),
        ("Llama-3.1-8B", 131_072),
        ("Llama-3.3-70B", 327_680),
        ("Llama-4-Scout", 196_608),
        ("Mistral-Small-3.2", 163_840),
        ("Mixtral-8x7B", 131_072),
        ("DeepSeek-V2-Lite", 27 * 576 * 2),
        ("DeepSeek-V3", 70_272),
        ("DeepSeek-V3.2", 61 * (576 * 2 + 128 + 4)),
        ("Kimi-K2", 70_272),
        ("GLM-4-9B-0414", 40_960),
        ("GLM-4.5-Air", 46 * 8 * 256 * 2),
        ("GLM-4.7-Flash", 47 * 576 * 2),
        ("GLM-5", 78 * (576 * 2 + 128 + 4)),
        ("Phi-4", 204_800),
        ("Phi-3.5-MoE", 131_072),
        ("Granite-4.0-Micro", 81_920),
        ("MiniMax-M2", 253_952),
        ("SmolLM3-3B", 73_728),
    ],
)
def test_bytes_of_a_token(model: str, token: int) -> None:
    found = cache(model)
    assert (found.groups, found.block / found.size) == (1, token)
    assert found.of_request == 8192 * token


@pytest.mark.parametrize(
    ("model", "block", "groups", "size", "request_"),
    [
        ("Mistral-7B-v0.1", 32 * 65_536, 1, 16, 385),  # 4,095 + 2,048 tokens, and a block
        ("Phi-3-mini-4k", 32 * 16 * 12_288, 1, 16, 257),
        ("Gemma-2-9B", 21 * 16 * 8192, 2, 16, 512 + 385),
        ("Gemma-3-27B", 10 * 16 * 8192, 7, 16, 512 + 6 * 193),
        ("Gemma-3n-E4B", 4 * 16 * 2048, 5, 16, 512 + 4 * 161),  # 20 of 35 layers have a cache
        ("Gemma-4-E4B", 4 * 16 * 4096, 6, 16, 512 + 5 * 81),  # full layers are wider: windows take 32 tokens a block
        ("Gemma-4-26B-A4B", 5 * 16 * 8192, 6, 16, 256 + 5 * 193),  # full layers are narrower: they take 32 tokens
        ("Gemma-4-31B", 10 * 16 * 16_384, 6, 16, 256 + 5 * 193),
        ("gpt-oss-20b", 12 * 16 * 2048, 2, 16, 512 + 137),
        ("gpt-oss-120b", 18 * 16 * 2048, 2, 16, 512 + 137),
        ("Command-R7B", 8 * 16 * 4096, 4, 16, 512 + 3 * 385),
        ("Olmo-3-7B", 8 * 16 * 16_384, 4, 16, 512 + 3 * 385),
        ("EXAONE-4.0-32B", 16 * 16 * 4096, 4, 16, 512 + 3 * 385),
        ("Whisper-large-v3", 32 * 16 * 5120, 2, 16, 512 + 94),  # 1,500 tokens of the encoder
        ("Qwen3-Next-80B-A3B", 12 * 544 * 2048, 4, 544, 16 + 3),
        ("Qwen3.5-27B", 16 * 784 * 4096, 4, 784, 11 + 3),
        ("Qwen3.6-35B-A3B", 10 * 1056 * 2048, 4, 1056, 8 + 3),
        ("Granite-4.0-H-Small", 4 * 528 * 4096, 10, 528, 16 + 9),
        ("Bamba-9B", 3 * 528 * 4096, 11, 528, 16 + 10),  # 29 states are 10 groups of 3
        ("Falcon-H1-1.5B", 24 * 1568 * 1024, 2, 1568, 6 + 1),  # every layer has both
        ("Nemotron-H-8B", 4 * 1040 * 4096, 7, 1040, 8 + 6),
        ("Jamba-1.5-Mini", 4 * 80 * 4096, 8, 80, 103 + 7),
        ("MiniMax-Text-01", 10 * 512 * 4096, 8, 512, 16 + 7),
        ("Kimi-Linear-48B", 7 * 1920 * 1152, 4, 1920, 5 + 3),
        ("LFM2-1.2B", 6 * 16 * 2048, 3, 16, 512 + 2),
        ("Mamba-Codestral-7B", 64 * 2_158_592, 1, 8192, 1),
        ("bge-m3", 0, 0, 16, 0),
        ("ModernBERT-large", 0, 0, 16, 0),
    ],
)
def test_groups_and_blocks(model: str, block: int, groups: int, size: int, request_: int) -> None:
    found = cache(model)
    assert (found.block, found.groups, found.size, found.request) == (block, groups, size, request_)


@pytest.mark.parametrize(
    ("model", "state"),
    [
        ("Qwen3-Next-80B-A3B", 8192 * 3 * 2 + 32 * 128 * 128 * 2),
        ("Qwen3.5-27B", 10_240 * 3 * 2 + 48 * 128 * 128 * 4),
        ("Qwen3.6-35B-A3B", 8192 * 3 * 2 + 32 * 128 * 128 * 4),
        ("Granite-4.0-H-Small", (8192 + 256) * 3 * 2 + 128 * 64 * 128 * 2),
        ("Bamba-9B", (8192 + 256) * 3 * 2 + 128 * 64 * 128 * 2),
        ("Falcon-H1-1.5B", (3072 + 512) * 3 * 2 + 48 * 64 * 256 * 2),
        ("Nemotron-H-8B", (8192 + 2048) * 3 * 2 + 128 * 64 * 128 * 4),
        ("Jamba-1.5-Mini", 8192 * 3 * 2 + 8192 * 16 * 2),
        ("Mamba-Codestral-7B", (8192 + 2048) * 3 * 2 + 128 * 64 * 128 * 2),
        ("MiniMax-Text-01", 64 * 128 * 128 * 2),
        ("Kimi-Linear-48B", 3 * 4096 * 3 * 2 + 32 * 128 * 128 * 4),
        ("LFM2-1.2B", 2048 * 2 * 2),
    ],
)
def test_bytes_of_a_state(model: str, state: int) -> None:
    [found] = {one.state for one in read_shape(CONFIGS[model]).layers if one.state is not None}
    assert found.bytes(1, 0) == state


@pytest.mark.parametrize(
    ("model", "parallel", "token"),
    [
        ("Qwen3-235B-A22B", 8, 94 * 256 * 2),  # 4 heads on 8 GPUs: one on each
        ("Llama-3.3-70B", 8, 80 * 256 * 2),
        ("DeepSeek-V3", 8, 70_272),  # a latent cache is whole on every GPU
        ("DeepSeek-V3.2", 8, 61 * (576 * 2 + 132)),
    ],
)
def test_tensor_parallel(model: str, parallel: int, token: int) -> None:
    found = cache(model, parallel)
    assert found.block / found.size == token


def test_groups_of_a_state_are_repeated_on_several_gpus() -> None:
    """Granite has one group of 256 channels, which every one of 4 GPUs has: (8,192 + 4 × 256) / 4 channels."""
    [found] = [one.state for one in read_shape(CONFIGS["Granite-4.0-H-Small"]).layers if one.state is not None]
    assert found.bytes(4, 0) == (8192 + 4 * 256) // 4 * 3 * 2 + 128 // 4 * 64 * 128 * 2


@pytest.mark.parametrize(
    ("model", "dtype", "token"),
    [
        ("Llama-3.1-8B", "fp8", 65_536),
        ("Llama-3.1-8B", "fp8_e5m2", 65_536),
        ("Llama-3.1-8B", "nvfp4", 32 * 8 * (128 + 16)),  # half a byte, and a scale for 16 values
        ("Llama-3.1-8B", "int8_per_token_head", 32 * 8 * (256 + 2 * 4)),
        ("DeepSeek-V3", "fp8", 61 * 576),
        ("DeepSeek-V3.2", "fp8", 61 * (656 + 132)),
        ("DeepSeek-V3.2", "fp8_ds_mla", 61 * (656 + 132)),
    ],
)
def test_types_of_the_cache(model: str, dtype: str, token: int) -> None:
    found = cache(model, dtype=dtype)
    assert found.block / found.size == token


def test_layers_are_divided_among_stages() -> None:
    assert cache("Llama-3.3-70B", stages=4).block == cache("Llama-3.3-70B").block // 4
    assert cache("DeepSeek-V3", stages=2).block == 31 * 64 * 1152  # the larger stage of 61 layers
    assert cache("Gemma-3-27B", stages=2).block == 5 * 16 * 8192


def test_a_window_holds_the_batches_that_run() -> None:
    """From 0.26, two batches are scheduled at once: 127 + 4,096 tokens."""
    assert cache("gpt-oss-20b", release=(0, 26)).request == 512 + 265
    assert cache("gpt-oss-20b", release=(0, 25)).request == 512 + 137


def test_drafts_make_the_state_larger() -> None:
    """Three drafted tokens: a convolution of 6 tokens, and three more blocks for every group of states."""
    found = cache("Qwen3.5-27B", drafts=3)
    assert (found.size, found.request) == (800, 11 + 3 * (1 + 3))


@pytest.mark.parametrize(("model", "release"), [("Gemma-4-E4B", (0, 11)), ("Qwen3.5-27B", (0, 9, 0))])
def test_what_a_release_cannot_combine(model: str, release: tuple[int, ...]) -> None:
    from modelgen.fit.shapes import CannotEstimateError

    with pytest.raises(CannotEstimateError, match="release cannot"):
        cache(model, release=release)
