"""Configs that are truncated or hostile: a reason, never "fits", never another exception."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from golden_configs import CONFIGS, Config
from modelgen.engines.images.versions import Version
from modelgen.engines.vllm.memory import memory_facts
from modelgen.fit.estimate import Estimate, Start, estimate
from modelgen.fit.shapes import CannotEstimateError, read_shape

GIB = 2**30
NO_SIZES = st.sampled_from(
    [-1, 0, 2**40, 10**400, 1e400, float("nan"), 1.5, "8", "", [], [8], {}, {"a": 8}, True, False]
)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)


def start(config: Any, **args: object) -> Start:  # noqa: ANN401 - hostile
    facts = memory_facts(Version((0, 30), ""), 24 * GIB, "RTX 4090")
    return Start(config, args, 8 * GIB, 24 * GIB, None, 0.9, 8192, 0, None, facts)


def tables(config: Config) -> list[Config]:
    """Return the config and the tables in it."""
    return [config, *(value for value in config.values() if isinstance(value, dict))]


def outcome(config: Any, **args: object) -> Estimate | None:  # noqa: ANN401
    try:
        return estimate(start(config, **args))
    except CannotEstimateError:
        return None


@given(st.data(), st.sampled_from(sorted(CONFIGS)), NO_SIZES)
def test_a_size_that_is_none_has_no_estimate(data: st.DataObject, model: str, value: object) -> None:
    config = json.loads(json.dumps(CONFIGS[model]))
    text = config.get("text_config", config)
    sizes = [key for key in ("num_hidden_layers", "num_attention_heads", "hidden_size", "vocab_size") if key in text]
    text[data.draw(st.sampled_from(sizes))] = value
    assert outcome(config) is None


@pytest.mark.slow
@given(st.data(), st.sampled_from(sorted(CONFIGS)), JSON)
def test_any_value_at_any_place_gives_an_estimate_or_a_reason(data: st.DataObject, model: str, value: object) -> None:
    config = json.loads(json.dumps(CONFIGS[model]))
    table = data.draw(st.sampled_from(tables(config)))
    table[data.draw(st.sampled_from(sorted(table)))] = value
    found = outcome(config)
    assert found is None or found.cache.of_request >= 0


@pytest.mark.slow
@given(JSON)
def test_any_json_gives_an_estimate_or_a_reason(value: object) -> None:
    outcome(value if isinstance(value, dict) else {"text_config": value})


@given(st.data(), st.sampled_from(sorted(CONFIGS)))
def test_a_config_that_lacks_a_key_gives_an_estimate_or_a_reason(data: st.DataObject, model: str) -> None:
    config = json.loads(json.dumps(CONFIGS[model]))
    table = data.draw(st.sampled_from(tables(config)))
    del table[data.draw(st.sampled_from(sorted(table)))]
    outcome(config)


@given(st.sampled_from(["speculative-config", "kv-cache-dtype", "max-num-seqs", "tensor-parallel-size"]), JSON)
def test_any_value_of_a_flag_gives_an_estimate_or_a_reason(flag: str, value: object) -> None:
    outcome(CONFIGS["Qwen3-0.6B"], **{flag: value})


@pytest.mark.parametrize("flag", ["num-gpu-blocks-override", "cpu-offload-gb", "kv-cache-memory-bytes"])
def test_a_flag_whose_effect_is_not_known_has_no_estimate_with_1_either(flag: str) -> None:
    assert outcome(CONFIGS["Qwen3-0.6B"], **{flag: 0}) is not None
    assert outcome(CONFIGS["Qwen3-0.6B"], **{flag: 1}) is None


@pytest.mark.parametrize(
    "change",
    [
        {"layer_types": ["mamba"] * 10**6},
        {"num_hidden_layers": 10_000, "layer_types": "full_attention" * 10_000},
        {"hybrid_override_pattern": "M" * 10**6},
        {
            "linear_attn_config": {
                "kda_layers": [[]] * 10**5,
                "num_heads": 1,
                "head_dim": 1,
                "short_conv_kernel_size": 1,
            }
        },
        {"attn_type_list": [{}] * 32},
    ],
)
@pytest.mark.parametrize("model", ["Kimi-Linear-48B", "MiniMax-Text-01", "Nemotron-H-8B", "Qwen3.5-27B"])
def test_long_lists_take_no_time(model: str, change: dict[str, object]) -> None:
    try:
        read_shape(CONFIGS[model] | change)
    except CannotEstimateError:
        return


@pytest.mark.parametrize("key", ["model_type", "quantization_config", "hidden_size", "architectures", "layer_types"])
def test_a_deep_value_is_not_written_out(key: str) -> None:
    deep: list[object] = []
    for _ in range(5000):
        deep = [deep]
    assert outcome(CONFIGS["Qwen3-14B"] | {key: deep}) is None or key == "layer_types"
