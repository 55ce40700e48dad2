"""The KV cache as vLLM allots it: worked examples, and what holds for all."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fit_projects import DEEPSEEK_V3, GEMMA_3, GPT_OSS, LLAMA_4, QWEN_3_5, QWEN_4B, QWEN_VL_30B
from golden_configs import CONFIGS
from modelgen.engines.images.versions import Version
from modelgen.engines.vllm.memory import memory_facts
from modelgen.fit.blocks.cache import Serving, cache_of, longest
from modelgen.fit.blocks.cache_types import cache_type, served_type
from modelgen.fit.blocks.parallel import Parallel, weights
from modelgen.fit.shapes import CannotEstimateError, read_shape

GIB = 2**30


def serving(length: int = 8192, parallel: int = 1, release: tuple[int, ...] = (0, 19), dtype: str = "auto") -> Serving:
    facts = memory_facts(Version(release, ""), 24 * GIB, "")
    return Serving(cache_type(dtype, ()), parallel, 1, length, 2048, 0, facts)


@pytest.mark.parametrize(
    ("config", "at", "token"),
    [
        (QWEN_4B, serving(), 147_456),  # 36 layers × 8 heads × 256 values × 2 bytes
        (QWEN_4B, serving(parallel=2), 73_728),
        (QWEN_4B, serving(parallel=16), 18_432),  # no GPU has less than one head
        (QWEN_4B, serving(dtype="fp8"), 73_728),
        (QWEN_VL_30B, serving(), 98_304),
        (DEEPSEEK_V3, serving(), 70_272),  # 61 layers × 576 values × 2 bytes
        (DEEPSEEK_V3, serving(parallel=8), 70_272),  # a latent cache is not divided
        (LLAMA_4, serving(), 196_608),  # chunks are stored in full
    ],
)
def test_bytes_of_a_token(config: dict[str, object], at: Serving, token: int) -> None:
    cache = cache_of(read_shape(config), at)
    assert cache.block / cache.size == token
    assert cache.of_request == token * 8192


def test_windows_have_groups_of_their_own() -> None:
    """gpt-oss: 8,192 tokens in full, and the window with the running batch, 137 blocks."""
    cache = cache_of(read_shape(GPT_OSS), serving())
    assert (cache.groups, cache.request) == (2, 512 + 137)
    before = cache_of(read_shape(GPT_OSS), serving(release=(0, 9, 0)))
    assert (before.groups, before.request, before.block) == (1, 512, 2 * cache.block)


def test_groups_are_as_deep_as_the_smallest_kind() -> None:
    """Gemma 3: 29 layers with a window and 5 without are 6 + 1 groups of 5 layers."""
    cache = cache_of(read_shape(GEMMA_3), serving())
    assert (cache.groups, cache.block) == (7, 5 * 16 * 4 * 512 * 2)


@pytest.mark.parametrize(("release", "states"), [((0, 19), 1), ((0, 27), 2)])
def test_a_block_beside_states_is_as_large_as_a_state(release: tuple[int, ...], states: int) -> None:
    """Qwen3.5 27B: 784 tokens × 4,096 bytes hold a state of 3,207,168 bytes; 0.26 keeps two states for prefixes."""
    cache = cache_of(read_shape(QWEN_3_5), serving(4096, release=release))
    assert (cache.size, cache.groups, cache.request) == (784, 4, 6 + 3 * states)


def test_linear_attention_needs_a_release_that_mixes() -> None:
    with pytest.raises(CannotEstimateError, match="cannot serve linear attention"):
        cache_of(read_shape(QWEN_3_5), serving(release=(0, 8, 5)))


def test_a_state_that_the_gpus_cannot_share() -> None:
    with pytest.raises(CannotEstimateError, match="cannot be divided"):
        cache_of(read_shape(QWEN_3_5), serving(parallel=7))


SCHEME = {"quant_method": "compressed-tensors", "kv_cache_scheme": {"num_bits": 8, "type": "float"}}
MODELOPT = {"quant_method": "modelopt", "kv_cache_quant_algo": "FP8"}


@pytest.mark.parametrize(
    ("table", "release", "written", "type_"),
    [
        (SCHEME, (0, 12), "auto", "auto"),
        (SCHEME, (0, 32), "auto", "fp8"),
        (SCHEME, (0, 32), "bfloat16", "bfloat16"),
        (SCHEME, (0, 20), "auto", None),
        (SCHEME, (0, 20), "bfloat16", None),  # taken even against the flag in some releases
        (SCHEME, (0, 20), "fp8", "fp8"),
        (MODELOPT, (0, 33), "auto", "fp8"),
        (MODELOPT | {"kv_cache_quant_algo": "NVFP4"}, (0, 33), "auto", "nvfp4"),
        (MODELOPT | {"kv_cache_quant_algo": "INT8"}, (0, 33), "auto", None),
        (MODELOPT | {"kv_cache_quant_algo": None}, (0, 20), "auto", "auto"),
        (SCHEME | {"kv_cache_scheme": {"num_bits": [8], "type": "float"}}, (0, 33), "auto", None),
    ],
)
def test_the_type_that_a_checkpoint_has_scales_for(
    table: dict[str, object], release: tuple[int, ...], written: str, type_: str | None
) -> None:
    facts = memory_facts(Version(release, ""), 24 * GIB, "")
    if type_ is None:
        with pytest.raises(CannotEstimateError, match="a type of its own for the KV cache"):
            served_type(written, {"quantization_config": table}, facts)
    else:
        assert served_type(written, {"quantization_config": table}, facts) == type_


MODELS = sorted(set(CONFIGS) - {"bge-m3", "ModernBERT-large"})  # these keep nothing
RELEASES = st.sampled_from([(0, 13), (0, 19), (0, 24), (0, 33)])
LENGTHS = st.integers(1, 300_000)


@given(st.sampled_from(MODELS), LENGTHS, LENGTHS, st.sampled_from([1, 2, 4]), RELEASES)
def test_a_longer_request_never_needs_less(
    model: str, one: int, other: int, parallel: int, release: tuple[int, ...]
) -> None:
    shape = read_shape(CONFIGS[model])
    small, large = (cache_of(shape, serving(length, parallel, release)).of_request for length in sorted((one, other)))
    assert small <= large


@given(st.sampled_from(MODELS), LENGTHS, RELEASES)
def test_more_gpus_never_need_more_on_each(model: str, length: int, release: tuple[int, ...]) -> None:
    """Blocks beside a state become smaller with the state, so that rounding may take one block of each group more."""
    shape = read_shape(CONFIGS[model])
    one, two, four = (cache_of(shape, serving(length, parallel, release)) for parallel in (1, 2, 4))
    assert two.of_request <= one.of_request + two.block * two.groups
    assert four.of_request <= two.of_request + four.block * four.groups
    if not any(layers.kind == "state" for layers in shape.layers):
        assert four.of_request <= two.of_request <= one.of_request


@given(
    st.sampled_from(MODELS), st.integers(1, 600 * GIB), st.sampled_from([1, 2]), st.integers(1, 3), st.integers(1, 3)
)
def test_more_gpus_never_have_more_weights(model: str, size: int, tensor: int, stages: int, copies: int) -> None:
    shape, fewer = read_shape(CONFIGS[model]), Parallel(tensor, stages, copies)
    most = weights(size, shape, fewer, 0).amount.value
    for more in (Parallel(2 * tensor, stages, copies), fewer._replace(stages=stages + 1), fewer._replace(replicas=4)):
        assert weights(size, shape, more, 0).amount.value <= most


@given(st.sampled_from(MODELS), st.integers(0, 40 * GIB), RELEASES)
def test_the_longest_request_fits_and_one_token_more_does_not(
    model: str, memory: int, release: tuple[int, ...]
) -> None:
    shape, at = read_shape(CONFIGS[model]), serving(262_144, release=release)
    found = longest(shape, at, memory)
    if found:
        assert cache_of(shape, at._replace(length=found)).of_request <= memory
    if found < at.length:
        assert cache_of(shape, at._replace(length=found + 1)).of_request > memory
