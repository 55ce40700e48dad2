"""Speculative decoding and several GPUs: what they add to weights and cache, by hand."""

from __future__ import annotations

from typing import Any

import pytest

from golden_configs import CONFIGS, of
from modelgen.engines.images.versions import Version
from modelgen.engines.vllm.memory import memory_facts
from modelgen.fit.blocks.cache import Cache
from modelgen.fit.estimate import Estimate, Start, estimate
from modelgen.fit.shapes import CannotEstimateError

GIB = 2**30
EAGLE = of("llama", 1, 32, 8, 4096)


def start(model: str, draft: tuple[dict[str, Any], int] | None = None, **flags: object) -> Estimate:
    facts = memory_facts(Version((0, 25), ""), 80 * GIB, "")
    args = {flag.replace("_", "-").replace("--", "."): value for flag, value in flags.items()}
    if "speculative-config.tokens" in args:
        args["speculative-config.num_speculative_tokens"] = args.pop("speculative-config.tokens")
    return estimate(Start(CONFIGS[model], args, 16 * GIB, 80 * GIB, None, 0.9, 8192, 0, draft, facts))


def token(found: Estimate) -> float:
    assert isinstance(found.cache, Cache)
    return found.cache.block / found.cache.size


def line(found: Estimate, name: str) -> tuple[float, ...]:
    [amount] = [one.amount for one in found.lines if one.name == name]
    return tuple(round(size / GIB, 2) for size in amount)


def test_a_draft_model_has_weights_and_layers() -> None:
    written = {"method": "eagle", "num_speculative_tokens": 3, "model": "yuhuili/EAGLE-LLaMA3.1-Instruct-8B"}
    found = start("Llama-3.1-8B", (EAGLE, GIB), speculative_config=written)
    assert token(found) == 33 * 8 * 256 * 2
    assert line(found, "draft") == (0.5, 1, 1.01)


def test_the_speculative_config_may_be_json_or_paths() -> None:
    one = start("DeepSeek-V3", speculative_config='{"method": "mtp", "num_speculative_tokens": 1}')
    two = start("DeepSeek-V3", speculative_config__method="mtp", speculative_config__tokens=1)
    assert token(one) == token(two) == 62 * 576 * 2


def test_layers_for_drafts_are_not_loaded_without_them() -> None:
    """One of 62 layers of DeepSeek V3 is for drafts: a 62nd of the tensors may not be loaded."""
    without, with_ = start("DeepSeek-V3"), start("DeepSeek-V3", speculative_config={"method": "deepseek_mtp"} | TOKENS)
    assert line(without, "weights") == (round(16 * (0.99 - 1 / 62), 2), 16, 16.16)
    assert line(with_, "weights") == (15.84, 16, 16.16)


TOKENS = {"num_speculative_tokens": 2}


def test_n_grams_have_no_weights() -> None:
    found = start("Llama-3.1-8B", speculative_config={"method": "ngram"} | TOKENS)
    assert token(found) == token(start("Llama-3.1-8B"))
    assert "draft" not in {one.name for one in found.lines}


@pytest.mark.parametrize(
    ("written", "reason"),
    [
        ({"method": "eagle", "model": "a/b"} | TOKENS, "the draft model is not locked"),
        ({"method": "medusa"} | TOKENS, "the method `medusa`"),
        ({"method": "ngram"}, "how many tokens are drafted"),
        ("{", "is not a table"),
        ({"method": ["mtp"]} | TOKENS, "is not known"),
    ],
)
def test_drafts_that_are_not_known(written: object, reason: str) -> None:
    with pytest.raises(CannotEstimateError, match=reason):
        start("Llama-3.1-8B", speculative_config=written)


def test_stages_divide_layers_and_weights() -> None:
    """A stage may have the embeddings or the head besides: 2 × 100,000 × 4,096 bytes are 0.76 GiB."""
    found = start("Llama-3.1-8B", pipeline_parallel_size=2)
    assert token(found) == 65_536
    assert line(found, "weights") == (7.92, 8, round(8.08 + 0.76, 2))


def test_replicas_divide_the_experts_only() -> None:
    """Qwen3 30B-A3B: 48 × 128 × 3 × 2,048 × 768 of 30.6 G parameters are experts."""
    one, two = (line(start("Qwen3-30B-A3B", data_parallel_size=count), "weights") for count in (1, 2))
    experts = 48 * 128 * 3 * 2048 * 768
    share = experts / (experts + 48 * 4 * 2048**2 + 2 * 100_000 * 2048)
    assert one[1] == 16
    assert two[1] == pytest.approx(16 * (1 - share / 2), abs=0.01)
    assert line(start("Llama-3.1-8B", data_parallel_size=2), "weights")[1] == 16


def test_a_written_block_counts() -> None:
    found = start("Llama-3.1-8B", block_size=128)
    assert isinstance(found.cache, Cache)
    assert (found.cache.size, found.cache.request) == (128, 64)


def test_embeddings_need_no_sampler_and_an_encoder_no_cache() -> None:
    found = start("bge-m3")
    assert found.cache.of_request == 0
    assert found.verdict == "fits"
    assert found.tokens() == (0, 0, 0)
    assert "forward pass" in next(one.how for one in found.lines if one.name == "activations")
