"""Read what sizes a KV cache from a config.json: layers, heads, windows, vocabulary.

Only families whose cache is known are read: for another one, a guess would be taken for a fact. The config is
untrusted: every number is checked before it is used.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

Kind = Literal["full", "sliding", "chunked", "latent", "state"]
_LARGEST = 2**31


class CannotEstimateError(Exception):
    """The memory of a model cannot be estimated; the text says why."""


class Layers(NamedTuple):
    """Layers of one kind.

    Args:
        kind: `full` attention, `sliding` window, `chunked` local attention, a `latent` cache (MLA), or a `state` of
            constant size (linear attention).
        number: How many they are.
        heads: The KV heads of a layer; 1 for a latent cache and a state.
        size: The values of one token for one head, keys and values together; of a state, its bytes for a sequence.
        span: The window or the chunk in tokens; 0 for the others.
    """

    kind: Kind
    number: int
    heads: int
    size: int
    span: int = 0


class Shape(NamedTuple):
    """The sizes of a model.

    Args:
        family: `model_type` of the text model.
        layers: The layers with a KV cache, by kind.
        hidden: The width of a token.
        intermediate: The width of the widest dense layer, or of the experts of one token together.
        heads: The attention heads.
        head: The values of a head.
        experts: Whether it has experts.
        vocabulary: The tokens that the sampler chooses from.
        sees: Whether the model has a vision or audio tower.
    """

    family: str
    layers: tuple[Layers, ...]
    hidden: int
    intermediate: int
    heads: int
    head: int
    experts: bool
    vocabulary: int
    sees: bool


_SAME_SIZE = (
    *("llama", "mistral", "ministral", "qwen2", "qwen2_moe", "qwen3", "qwen3_moe", "qwen2_vl_text", "qwen2_5_vl_text"),
    *("qwen3_vl_text", "qwen3_vl_moe_text", "qwen2_vl", "qwen2_5_vl", "mixtral", "phi3", "glm4", "glm4_moe", "granite"),
    *("granitemoe", "olmo2", "starcoder2", "stablelm", "seed_oss", "ernie4_5", "ernie4_5_moe", "minimax_m2", "exaone4"),
    *("gemma", "gemma2", "gemma3_text", "gpt_oss", "olmo3", "cohere2", "smollm3", "internlm2", "llama4_text"),
)
"""Families whose layers all have the same heads (vllm/model_executor/models, one file a family)."""
_LINEAR = ("qwen3_next", "qwen3_5", "qwen3_5_text", "qwen3_5_moe", "qwen3_5_moe_text")
"""Families with gated delta nets: three of four layers have a state in the place of a cache."""
_LATENT = ("deepseek_v2", "deepseek_v3", "kimi_k2")
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
    **{family: {"head_dim": 256} for family in _LINEAR},
}
_EXPERTS = ("num_experts", "num_local_experts", "n_routed_experts", "num_experts_per_tok")
_KINDS: dict[str, Kind] = {
    "full_attention": "full",
    "sliding_attention": "sliding",
    "chunked_attention": "chunked",
    "linear_attention": "state",
}


def read_shape(config: Mapping[str, Any]) -> Shape:
    """Return the sizes of a model.

    Raises:
        CannotEstimateError: The family is not known, or a value is missing or not a size.
    """
    text, sees = _text_part(config)
    family = text.get("model_type")
    if not isinstance(family, str) or family not in (*_SAME_SIZE, *_LATENT, *_LINEAR):
        raise CannotEstimateError(f"the family `{str(family)[:60]}` is not known")
    values = {**_DEFAULTS.get(family, {}), **{key: value for key, value in text.items() if value is not None}}
    heads = _size(values, "num_attention_heads")
    hidden = _size(values, "hidden_size")
    head = _size(values, "head_dim") if "head_dim" in values else hidden // heads
    layers = _latent_layers(values) if family in _LATENT else _layers(values, family, heads, head)
    vocabulary = _size(values if "vocab_size" in values else config, "vocab_size")
    experts = any(key in values for key in _EXPERTS)
    return Shape(family, layers, hidden, _intermediate(values), heads, head, experts, vocabulary, sees)


def _text_part(config: Mapping[str, Any]) -> tuple[Mapping[str, Any], bool]:
    """Return the config of the text model, and whether there is another part beside it."""
    for key in ("text_config", "llm_config", "language_config"):
        if isinstance(part := config.get(key), dict):
            return part, True
    return config, isinstance(config.get("vision_config"), dict) or isinstance(config.get("audio_config"), dict)


def _size(values: Mapping[str, Any], key: str) -> int:
    value = values.get(key)
    if not isinstance(value, int) or isinstance(value, bool) or not 0 < value < _LARGEST:
        raise CannotEstimateError(f"`{key}` of config.json is {'missing' if value is None else 'not a size'}")
    return value


def _layers(values: Mapping[str, Any], family: str, heads: int, head: int) -> tuple[Layers, ...]:
    kv_heads = _size(values, "num_key_value_heads") if "num_key_value_heads" in values else heads
    if not head or kv_heads > heads:
        raise CannotEstimateError("the heads of config.json do not fit together")
    kinds = _kinds(values, family)
    if "state" in kinds and family not in _LINEAR:
        raise CannotEstimateError("`layer_types` of config.json has a kind of layer that is not known")
    counts = {kind: kinds.count(kind) for kind in dict.fromkeys(kinds)}
    spans = {"sliding": "sliding_window", "chunked": "attention_chunk_size"}
    return tuple(
        Layers(kind, count, 1, _state_bytes(values))
        if kind == "state"
        else Layers(kind, count, kv_heads, 2 * head, _size(values, spans[kind]) if kind in spans else 0)
        for kind, count in counts.items()
    )


def _state_bytes(values: Mapping[str, Any]) -> int:
    """Return the bytes of a gated delta net's state for one sequence, over all GPUs.

    A convolution over the last tokens in 16 bits, and a matrix for each head (vllm/model_executor/layers/mamba/
    mamba_utils.py, gated_delta_net_state_shape).
    """
    keys = _size(values, "linear_num_key_heads") * _size(values, "linear_key_head_dim")
    heads, width = _size(values, "linear_num_value_heads"), _size(values, "linear_value_head_dim")
    convolution = (2 * keys + heads * width) * (_size(values, "linear_conv_kernel_dim") - 1)
    bits32 = values.get("mamba_ssm_dtype") == "float32"
    return convolution * 2 + heads * width * _size(values, "linear_key_head_dim") * (4 if bits32 else 2)


def _kinds(values: Mapping[str, Any], family: str) -> Sequence[Kind]:
    """Return the kind of each layer, from `layer_types`, else from the pattern or window of the family."""
    count = _size(values, "num_hidden_layers")
    if count > 10_000:
        raise CannotEstimateError("`num_hidden_layers` of config.json is not a number of layers")
    written = values.get("layer_types")
    if isinstance(written, list):
        if len(written) != count or any(not isinstance(kind, str) or kind not in _KINDS for kind in written):
            raise CannotEstimateError("`layer_types` of config.json has a kind of layer that is not known")
        kinds = [_KINDS[kind] for kind in written]
        return kinds if _has_window(values, family) else ["full" if kind == "sliding" else kind for kind in kinds]
    if family in _LINEAR:
        every = _size(values, "full_attention_interval") if "full_attention_interval" in values else 4
        return ["full" if (number + 1) % every == 0 else "state" for number in range(count)]
    if family == "llama4_text":
        return ["full" if (number + 1) % 4 == 0 else "chunked" for number in range(count)]
    if not _has_window(values, family):
        return ["full"] * count
    if "sliding_window_pattern" in values:
        pattern = _size(values, "sliding_window_pattern")
        return ["full" if (number + 1) % pattern == 0 else "sliding" for number in range(count)]
    if family in ("mistral", "phi3", "starcoder2", "mixtral"):
        return ["sliding"] * count
    raise CannotEstimateError("which layers have the sliding window is not in config.json")


def _has_window(values: Mapping[str, Any], family: str) -> bool:
    """Return whether the window is used: Qwen writes one, with a switch that is off."""
    if values.get("sliding_window") is None:
        return False
    return values.get("use_sliding_window", not family.startswith("qwen")) is not False


def _latent_layers(values: Mapping[str, Any]) -> tuple[Layers, ...]:
    """Return the layers of MLA, which store one compressed vector a token for all heads."""
    count = _size(values, "num_hidden_layers")
    return (Layers("latent", count, 1, _size(values, "kv_lora_rank") + _size(values, "qk_rope_head_dim")),)


def _intermediate(values: Mapping[str, Any]) -> int:
    """Return the width of the widest layer that a token passes."""
    dense = _size(values, "intermediate_size") if "intermediate_size" in values else 0
    expert = next(
        (_size(values, key) for key in ("moe_intermediate_size", "expert_intermediate_size") if key in values), dense
    )
    used = next((_size(values, key) for key in ("num_experts_per_tok", "num_experts_per_token") if key in values), 0)
    width = max(dense, expert * used)
    if not width:
        raise CannotEstimateError("`intermediate_size` of config.json is missing")
    return width
