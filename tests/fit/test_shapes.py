"""What is read from a config.json, and what hostile ones get: a reason, never an estimate."""

from __future__ import annotations

from typing import Any

import pytest

from fit_projects import DEEPSEEK_V3, GEMMA_3, GPT_OSS, LLAMA_4, MISTRAL_7B, QWEN_3_5, QWEN_4B, QWEN_VL_30B
from modelgen.fit.shapes import CannotEstimateError, Layers, read_shape


@pytest.mark.parametrize(
    ("config", "layers"),
    [
        (QWEN_4B, [Layers("full", 36, 8, 256)]),
        (QWEN_VL_30B, [Layers("full", 48, 4, 256)]),
        (QWEN_4B | {"sliding_window": 4096, "use_sliding_window": False}, [Layers("full", 36, 8, 256)]),
        (GEMMA_3, [Layers("sliding", 29, 4, 512, 1024), Layers("full", 5, 4, 512)]),
        (GPT_OSS, [Layers("sliding", 12, 8, 128, 128), Layers("full", 12, 8, 128)]),
        (MISTRAL_7B, [Layers("sliding", 32, 8, 256, 4096)]),
        (DEEPSEEK_V3, [Layers("latent", 61, 1, 576)]),
        (LLAMA_4, [Layers("chunked", 36, 8, 256, 8192), Layers("full", 12, 8, 256)]),
        # A convolution of 10,240 channels over 3 tokens in 16 bits, and 48 matrices of 128 × 128 in 32 bits.
        (QWEN_3_5, [Layers("state", 48, 1, 3_207_168), Layers("full", 16, 4, 512)]),
    ],
    ids=["full", "nested", "window-off", "gemma3", "gpt-oss", "mistral", "mla", "llama4", "linear"],
)
def test_the_layers_of_a_family(config: dict[str, Any], layers: list[Layers]) -> None:
    assert [*read_shape(config).layers] == layers


@pytest.mark.parametrize(
    ("config", "reason"),
    [
        ({}, "the family `None` is not known"),
        ({"model_type": "mamba2"}, "the family `mamba2` is not known"),
        ({"model_type": ["qwen3"]}, "is not known"),
        ({"model_type": "x" * 10_000}, "is not known"),
        (QWEN_4B | {"num_attention_heads": 0}, "`num_attention_heads` of config.json is not a size"),
        (QWEN_4B | {"num_attention_heads": None}, "`num_attention_heads` of config.json is missing"),
        (QWEN_4B | {"num_hidden_layers": 10**9}, "is not a number of layers"),
        (QWEN_4B | {"num_hidden_layers": -1}, "not a size"),
        (QWEN_4B | {"num_hidden_layers": 1e400}, "not a size"),
        (QWEN_4B | {"num_key_value_heads": "8"}, "not a size"),
        (QWEN_4B | {"num_key_value_heads": True}, "not a size"),
        (QWEN_4B | {"num_key_value_heads": 64}, "do not fit together"),
        (QWEN_4B | {"head_dim": 2**40}, "not a size"),
        (QWEN_4B | {"layer_types": ["full_attention"]}, "a kind of layer that is not known"),
        (QWEN_4B | {"layer_types": [[]] * 36}, "a kind of layer that is not known"),
        (QWEN_4B | {"layer_types": ["linear_attention"] * 36}, "a kind of layer that is not known"),
        (QWEN_4B | {"sliding_window": 4096, "use_sliding_window": True}, "which layers have the sliding window"),
        (QWEN_4B | {"vocab_size": None}, "`vocab_size` of config.json is missing"),
        (QWEN_4B | {"intermediate_size": None}, "`intermediate_size` of config.json is missing"),
        ({"text_config": []}, "is not known"),
        (DEEPSEEK_V3 | {"kv_lora_rank": {}}, "`kv_lora_rank` of config.json is not a size"),
    ],
)
def test_a_config_that_is_not_understood_has_no_estimate(config: dict[str, Any], reason: str) -> None:
    with pytest.raises(CannotEstimateError, match=reason.replace("(", r"\(")):
        read_shape(config)
