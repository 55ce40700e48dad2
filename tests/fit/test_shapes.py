"""What is read from a config.json, and what hostile ones get: a reason, never an estimate."""

from __future__ import annotations

from typing import Any

import pytest

from fit_projects import DEEPSEEK_V3, GEMMA_3, GPT_OSS, LLAMA_4, MISTRAL_7B, QWEN_3_5, QWEN_4B, QWEN_VL_30B
from modelgen.fit.shapes import CannotEstimateError, Layers, State, read_shape
from modelgen.fit.shapes.classes import check_class
from modelgen.fit.shapes.families import KNOWN


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
        (QWEN_3_5, [Layers("state", 48, 1, 0, 0, State(10_240, 0, 0, 3, 786_432, 4)), Layers("full", 16, 4, 512)]),
    ],
    ids=["full", "nested", "window-off", "gemma3", "gpt-oss", "mistral", "mla", "llama4", "linear"],
)
def test_the_layers_of_a_family(config: dict[str, Any], layers: list[Layers]) -> None:
    assert [*read_shape(config).layers] == layers


@pytest.mark.parametrize(
    ("config", "reason"),
    [
        ({}, "the family `None` is not known"),
        ({"model_type": "mamba3"}, "the family `mamba3` is not known"),
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
        (QWEN_4B | {"layer_types": ["full_attention"]}, "does not name every layer"),
        (QWEN_4B | {"layer_types": [[]] * 36}, "a kind of layer that is not known"),
        (QWEN_4B | {"layer_types": ["linear_attention"] * 36}, "a kind of layer that is not known"),
        (QWEN_4B | {"sliding_window": 4096, "use_sliding_window": True}, "which layers have the sliding window"),
        (QWEN_4B | {"vocab_size": None}, "`vocab_size` of config.json is missing"),
        (QWEN_4B | {"intermediate_size": None}, "`intermediate_size` of config.json is missing"),
        ({"text_config": []}, "is not known"),
        (QWEN_4B | {"num_key_value_heads": 7}, "do not fit together"),
        (QWEN_4B | {"head_dim": 1}, "do not fit together"),
        (QWEN_4B | {"architectures": ["FooForCausalLM"]}, "is not a class of the family `qwen3`"),
        (QWEN_4B | {"architectures": ["Qwen3MoeForCausalLM"]}, "is not a class of the family `qwen3`"),
        (QWEN_4B | {"architectures": ["BertModel"]}, "is not a class of the family `qwen3`"),
        (QWEN_4B | {"architectures": ["DeepseekV3ForCausalLM"]}, "is not a class of the family `qwen3`"),
        (QWEN_4B | {"architectures": []}, "`architectures` of config.json names no class"),
        (QWEN_VL_30B | {"architectures": "x"}, "`architectures` of config.json names no class"),
        (QWEN_4B | {"quantization_config": {"quant_method": "zzz"}}, "the quantization `zzz`"),
        (QWEN_4B | {"quantization_config": {}}, "the quantization `None`"),
        (QWEN_4B | {"quantization_config": [1]}, "`quantization_config` of config.json is not a table"),
        (DEEPSEEK_V3 | {"kv_lora_rank": {}}, "`kv_lora_rank` of config.json is not a size"),
    ],
)
def test_a_config_that_is_not_understood_has_no_estimate(config: dict[str, Any], reason: str) -> None:
    with pytest.raises(CannotEstimateError, match=reason.replace("(", r"\(")):
        read_shape(config)


@pytest.mark.parametrize(
    ("config", "layers"),
    [
        (
            {"model_type": "llava", "text_config": {"model_type": "llama", "vocab_size": 32_064}},
            [Layers("full", 32, 32, 256)],
        ),
        ({"model_type": "gpt2", "n_layer": 12, "n_head": 12, "n_embd": 768, "vocab_size": 50_257}, None),
        (
            {"model_type": "qwen2_5_omni", "thinker_config": {"text_config": QWEN_4B | {"model_type": "qwen2"}}},
            [Layers("full", 36, 8, 256)],
        ),
    ],
)
def test_what_a_config_leaves_out(config: dict[str, Any], layers: list[Layers] | None) -> None:
    assert [*read_shape(config).layers] == (layers or [Layers("full", 12, 12, 128)])


@pytest.mark.parametrize(
    ("config", "tower"),
    [
        (QWEN_4B, None),
        (QWEN_VL_30B, (16_384, 4, 1152, 4304, 4 * 2048, 0)),
        (QWEN_VL_30B | {"model_type": "another_vl"}, (0, 0, 0, 0, 0, 0)),
        (
            QWEN_4B
            | {"architectures": None}
            | {"model_type": "qwen2_vl", "vision_config": {"embed_dim": 1280, "hidden_size": 2560, "mlp_ratio": 4}},
            (16_384, 4, 1280, 5120, 2560, 0),
        ),
        (GEMMA_3 | {"model_type": "gemma4"}, (0, 0, 0, 0, 0, 2496)),
    ],
)
def test_the_largest_input_of_a_tower(config: dict[str, Any], tower: tuple[int, ...] | None) -> None:
    assert read_shape(config).tower == tower


@pytest.mark.parametrize(
    ("family", "name"),
    [
        ("gemma3_text", "Gemma3ForCausalLM"),
        ("gpt2", "GPT2LMHeadModel"),
        ("hunyuan_v1_dense", "HunYuanDenseV1ForCausalLM"),
        ("kimi_k2", "DeepseekV3ForCausalLM"),
        ("llama", "LlamaForCausalLMEagle3"),
        ("llama", "Eagle3LlamaForCausalLM"),
        ("minimax_text_01", "MiniMaxText01ForCausalLM"),
        ("new", "GteNewModel"),
        ("phimoe", "PhiMoEForCausalLM"),
        ("qwen3", "Qwen3ForSequenceClassification"),
        ("qwen3_5_text", "Qwen3_5ForCausalLM"),
        ("xlm-roberta", "XLMRobertaModel"),
    ],
)
def test_the_class_of_a_family(family: str, name: str) -> None:
    check_class({"architectures": [name]}, family, KNOWN, is_nested=False)
