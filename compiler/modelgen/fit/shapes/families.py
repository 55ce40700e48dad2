"""Read the sizes of a model from its config.json, by the family of its text model."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from modelgen.fit.shapes.classes import check_class, check_quantization
from modelgen.fit.shapes.kinds import kinds_of
from modelgen.fit.shapes.layers import Layers
from modelgen.fit.shapes.numbers import CannotEstimateError, count, named, part, size
from modelgen.fit.shapes.states import DELTA_NETS, state_of
from modelgen.fit.shapes.states import FAMILIES as WITH_STATES
from modelgen.fit.shapes.towers import Tower, tower_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from modelgen.fit.shapes.layers import Kind


class Shape(NamedTuple):
    """The sizes of a model.

    Args:
        family: `model_type` of the text model.
        layers: The layers that keep something of a sequence, by kind; none for an encoder.
        hidden: The width of a token.
        intermediate: The width of the widest dense layer, or of the experts of one token together.
        heads: The attention heads.
        head: The values of a head.
        experts: The share of the parameters that are experts; 0 without experts.
        vocabulary: The tokens that the sampler chooses from.
        depth: The number of layers.
        tower: Its vision or audio tower; None for a text model.
    """

    family: str
    layers: tuple[Layers, ...]
    hidden: int
    intermediate: int
    heads: int
    head: int
    experts: float
    vocabulary: int
    depth: int
    tower: Tower | None


_DENSE = (
    *("llama", "mistral", "mistral3", "ministral", "ministral3", "mixtral", "qwen2", "qwen2_moe", "qwen3", "qwen3_moe"),
    *(
        "qwen2_vl",
        "qwen2_vl_text",
        "qwen2_5_vl",
        "qwen2_5_vl_text",
        "qwen3_vl_text",
        "qwen3_vl_moe_text",
        "phi",
        "phi3",
    ),
    *("phimoe", "glm", "glm4", "glm4_moe", "glm4v_text", "glm4v_moe_text", "granite", "granitemoe", "olmo", "olmo2"),
    *("olmo3", "olmoe", "starcoder2", "stablelm", "seed_oss", "ernie4_5", "ernie4_5_moe", "minimax_m2", "exaone4"),
    *("gemma", "gemma2", "gemma3_text", "gemma3n_text", "gemma4_text", "gpt_oss", "cohere", "cohere2", "smollm3"),
    *("internlm2", "internlm3", "llama4_text", "laguna", "dots1", "arcee", "apertus", "nemotron", "deepseek"),
    *(
        "baichuan",
        "bailing_moe",
        "dots_ocr",
        "ernie4_5_moe_vl",
        "exaone",
        "gpt2",
        "gpt_neox",
        "hunyuan_v1_dense",
        "mimo",
    ),
    *("internlm", "minicpm", "minicpmv", "opt", "orion", "phi4mm", "phi4_multimodal", "qwen2_5_omni_text", "solar"),
    *("qwen3_omni_moe_text", "telechat2", "xverse"),
)
"""Families whose layers all have a cache of keys and values (vllm/model_executor/models, one file a family)."""
_LATENT = (
    *("deepseek_v2", "deepseek_v3", "kimi_k2", "glm4_moe_lite", "deepseek_v32", "glm_moe_dsa", "longcat_flash"),
    "kimi_linear",
)
"""Families with MLA, which store one compressed vector a token for all heads."""
_ENCODERS = ("bert", "roberta", "xlm-roberta", "modernbert", "nomic_bert", "new", "gte", "camembert")
"""Families that read a text at once, and keep nothing of it."""
_WHISPER = "whisper"
KNOWN = {*_DENSE, *_LATENT, *_ENCODERS, *WITH_STATES, _WHISPER}
_NESTED = {
    "llama": {"num_hidden_layers": 32, "num_attention_heads": 32, "hidden_size": 4096, "intermediate_size": 11_008}
}
"""Sizes that a `text_config` lacks if they are those of the first model of the family, as in llava-1.5-7b."""
# Values that transformers leaves out of a saved config, because they are the defaults of the family's class.
_DEFAULTS: dict[str, dict[str, int]] = {
    "gemma": {"head_dim": 256},
    "gemma2": {"head_dim": 256, "sliding_window_pattern": 2},
    "gemma3_text": {
        "head_dim": 256,
        "num_attention_heads": 8,
        "num_key_value_heads": 4,
        "vocab_size": 262_208,
        "sliding_window_pattern": 6,
    },
    "gpt_oss": {"head_dim": 64},
    "qwen3": {"head_dim": 128},
    "qwen3_moe": {"head_dim": 128},
    "llama4_text": {"head_dim": 128},
    **{family: {"head_dim": 256} for family in DELTA_NETS},
}
_EXPERTS = ("num_experts", "num_local_experts", "n_routed_experts")
_OF_A_TOKEN = ("num_experts_per_tok", "num_experts_per_token", "top_k_experts", "moe_topk")
_INDEX_BYTES = 4
"""Bytes of the scale that vLLM stores for each 128 values of an index (DeepseekV32IndexerCache)."""


def read_shape(config: Mapping[str, Any]) -> Shape:
    """Return the sizes of a model.

    Raises:
        CannotEstimateError: The family is not known, or a value is missing or not a size.
    """
    text = _text_part(config)
    family = text.get("model_type")
    if not isinstance(family, str) or family not in KNOWN:
        raise CannotEstimateError(f"the family `{named(family)}` is not known")
    check_class(config, family, KNOWN, is_nested=text is not config)
    check_quantization(config)
    defaults = _DEFAULTS.get(family, {}) | ({} if text is config else _NESTED.get(family, {}))
    values = {**defaults, **{key: value for key, value in text.items() if value is not None}}
    hidden = size(values, "hidden_size", "d_model", "n_embd")
    heads = size(values, *_HEADS, default=1 if family in WITH_STATES else None)
    head = size(values, "head_dim", default=max(1, hidden // heads))
    if family not in WITH_STATES and 8 * heads * head < hidden:  # no known model has so little attention
        raise CannotEstimateError("the heads of config.json do not fit together")
    layers = _layers(values, family, heads, head)
    intermediate, depth = _intermediate(values, hidden), size(values, *_DEPTH)
    vocabulary = size(values if "vocab_size" in values else config, "vocab_size")
    experts = _share_of_experts(values, hidden, depth, vocabulary)
    tower = None if text is config and family == _WHISPER else tower_of(config, text)
    return Shape(family, layers, hidden, intermediate, heads, head, experts, vocabulary, depth, tower)


_HEADS = ("num_attention_heads", "decoder_attention_heads", "n_head")
_DEPTH = ("num_hidden_layers", "decoder_layers", "n_layer", "num_layers")


def _text_part(config: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the config of the text model."""
    config = part(config, "thinker_config") or config
    for key in ("text_config", "llm_config", "language_config"):
        if isinstance(found := config.get(key), dict):
            return found
    return config


def _layers(values: Mapping[str, Any], family: str, heads: int, head: int) -> tuple[Layers, ...]:
    if family in _ENCODERS:
        return ()
    if family == _WHISPER:
        depth, encoded = size(values, "decoder_layers"), size(values, "max_source_positions", default=1500)
        return (Layers("full", depth, heads, 2 * head), Layers("cross", depth, heads, 2 * head, encoded))
    kinds = kinds_of(values, family)
    counts = {kind: kinds.count(kind) for kind in dict.fromkeys(kinds)}
    found = []
    for kind, number in counts.items():
        if kind == "state":
            found.append(Layers("state", number, 1, 0, 0, state_of(values, family)))
        elif family in _LATENT:
            found += _latent(values, family, number)
        else:
            found.append(_attention(values, family, kind, number, (heads, head)))
    return tuple(found)


def _attention(values: Mapping[str, Any], family: str, kind: Kind, number: int, sizes: tuple[int, int]) -> Layers:
    heads, head = sizes
    kv_heads = size(values, "num_key_value_heads", "num_kv_heads", "num_query_groups", default=heads)
    if family == "gemma4_text" and kind == "full":
        head = size(values, "global_head_dim", default=head)
        kv_heads = size(values, "num_global_key_value_heads", default=kv_heads)
    if heads % kv_heads:
        raise CannotEstimateError("the heads of config.json do not fit together")
    spans = {"sliding": "sliding_window", "chunked": "attention_chunk_size"}
    return Layers(kind, number, kv_heads, 2 * head, size(values, spans[kind]) if kind in spans else 0)


def _latent(values: Mapping[str, Any], family: str, number: int) -> list[Layers]:
    """Return the layers of MLA, and the keys of an index beside each, which sparse attention chooses tokens by."""
    number *= 2 if family == "longcat_flash" else 1
    found = [Layers("latent", number, 1, size(values, "kv_lora_rank") + size(values, "qk_rope_head_dim"))]
    if "index_head_dim" in values:
        keys = size(values, "index_head_dim")
        found.append(Layers("index", number, 1, keys + -(-keys // 128) * _INDEX_BYTES))
    return found


def _expert_width(values: Mapping[str, Any], default: int) -> int:
    return size(values, "moe_intermediate_size", "expert_intermediate_size", "expert_ffn_hidden_size", default=default)


def _intermediate(values: Mapping[str, Any], hidden: int) -> int:
    """Return the width of the widest layer that a token passes; the inner width of a state space model."""
    written = values.get("intermediate_size")
    widths = written if isinstance(written, list) else [written]  # Gemma 3n has one for each layer
    dense = max((count({"intermediate_size": width}, "intermediate_size") for width in widths), default=0)
    dense = dense or count(values, "decoder_ffn_dim") or count(values, "ffn_dim") or count(values, "n_inner")
    if not dense and "n_embd" in values:
        dense = 4 * hidden
    if not dense and ("expand" in values or "mamba_expand" in values):
        dense = size(values, "mamba_expand", "expand") * hidden
    expert = _expert_width(values, default=dense or 1)
    used = size(values, *_OF_A_TOKEN, default=1) if any(key in values for key in _OF_A_TOKEN) else 0
    if not max(dense, expert * used):
        raise CannotEstimateError("`intermediate_size` of config.json is missing")
    return max(dense, expert * used)


def _share_of_experts(values: Mapping[str, Any], hidden: int, depth: int, vocabulary: int) -> float:
    """Return the share of the parameters in experts, as if all layers had them, beside attention and embeddings."""
    number = size(values, *_EXPERTS, default=1)
    if number == 1:
        return 0.0
    experts = number * 3 * hidden * _expert_width(values, size(values, "intermediate_size", default=hidden)) * depth
    return experts / (experts + depth * 4 * hidden * hidden + 2 * vocabulary * hidden)
