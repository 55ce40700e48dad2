"""The KV cache of SGLang: the share for weights and cache, less the weights."""

from __future__ import annotations

from typing import Any

import pytest

from fit_projects import DEEPSEEK_V3, GEMMA_3, GIB, HEAD, QWEN_4B, dense, lock_of, model
from modelgen.fit.models import estimate_start, start_of_model
from modelgen.fit.pools import PoolCache
from modelgen.fit.shapes import CannotEstimateError
from modelgen.pipeline import check_source

QWEN_30B = dense(48, 32, 4, 2048, 6144, 151_936, model_type="qwen3_moe")
QWEN_235B = dense(94, 64, 4, 4096, 12288, 151_936, model_type="qwen3_moe")
IMAGE = '[engines.sglang]\nimage = "lmsysorg/sglang:v0.5.9"\n'


def estimated(config: dict[str, Any], weights: int = 8_044_936_192, memory: str = "", **args: Any) -> Any:  # noqa: ANN401
    table = model("m", "org/m", memory, **{"context_length": 32768, **args})
    text = HEAD + IMAGE + table.replace("repo =", 'engine = "sglang"\nrepo =')
    resolved = check_source(text.encode(), lock_of((("m", "org/m", config, weights),)), targets=("compose",)).resolved
    assert resolved is not None
    return estimate_start(start_of_model(resolved, "m"))


@pytest.mark.parametrize(
    ("config", "args", "token"),
    [
        (QWEN_4B, {}, 147_456),
        (QWEN_4B, {"kv_cache_dtype": "fp8_e5m2"}, 73_728),
        (QWEN_30B, {}, 98_304),  # 1,669,816 tokens of 152.88 GiB (sglang#18263)
        (DEEPSEEK_V3, {}, 61 * 576 * 2),
    ],
)
def test_the_bytes_of_a_token(config: dict[str, Any], args: dict[str, Any], token: int) -> None:
    assert estimated(config, **args).cache.token == token


def test_heads_are_divided_among_gpus() -> None:
    """367,404 tokens take 2 x 8.23 GiB on each of four H100 (vllm#21348)."""
    from modelgen.engines.facts import PoolServing
    from modelgen.fit.pools import _token_bytes
    from modelgen.fit.shapes import read_shape

    token = _token_bytes(read_shape(QWEN_235B), PoolServing(0.93, 4, 2))
    assert 367_404 * token / GIB == pytest.approx(2 * 8.23, rel=0.001)


def test_the_rest_of_the_reservation_is_not_for_the_cache() -> None:
    found = estimated(QWEN_4B)
    assert isinstance(found.cache, PoolCache)
    reserved, weights = found.lines
    assert "0.797 of the 23.1 GiB that are free when it starts" in reserved.how
    assert weights.amount.value == 8_044_936_192
    assert 10.5 < found.room.value / GIB < 11.3
    assert found.verdict == "fits"
    assert estimated(QWEN_4B, mem_fraction_static=0.5).room.value / GIB < 4.5


def test_no_more_requests_run_than_the_flag_allows() -> None:
    assert estimated(QWEN_4B, context_length=1024).requests > 8
    assert estimated(QWEN_4B, context_length=1024, max_running_requests=8).requests == 8


def test_a_length_that_does_not_fit_comes_with_one_that_does() -> None:
    found = estimated(QWEN_4B, memory="15GiB", context_length=65536)
    assert found.verdict == "does not fit"
    assert estimated(QWEN_4B, memory="15GiB", context_length=found.longest).verdict == "fits"


@pytest.mark.parametrize(
    ("config", "args", "why"),
    [
        (GEMMA_3, {}, "its pools for windows or states"),
        (QWEN_4B, {"speculative_algorithm": "EAGLE"}, "`speculative-algorithm` means"),
        (QWEN_4B, {"kv_cache_dtype": "nvfp4"}, "`kv-cache-dtype = nvfp4` is not known"),
        (QWEN_4B, {"max_total_tokens": 1000}, "a KV cache of a fixed size"),
        ({"model_type": "novel"}, {}, "the family `novel` is not known"),
    ],
)
def test_what_is_not_guessed(config: dict[str, Any], args: dict[str, Any], why: str) -> None:
    with pytest.raises(CannotEstimateError, match=why):
        estimated(config, **args)
