"""Read facts from a model's config.json, as transformers, vLLM and SGLang do."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Container, Mapping

    from modelgen.engines.engine import Engine

# Other names for the longest context (vllm/config/model.py, _get_and_verify_max_len; SGLang's hf_transformers_utils.py,
# get_context_length). If one of these is present too, engines differ in which one they use.
_OTHER_LENGTHS = frozenset(
    {"n_positions", "max_seq_len", "seq_length", "model_max_length", "max_target_positions", "max_sequence_length"}
    | {"max_seq_length", "seq_len", "rope_ratio"}
)
# Keys of the part of a config that describes the language model: of Qwen's Omni, of most, of InternVL, of DeepSeek-VL.
_TEXT_PARTS = ("thinker_config", "text_config", "llm_config", "language_config")
# Rope tables whose factor is already part of max_position_embeddings.
_COUNTED = ("llama3",)
_FULL_ATTENTION = ("llama", "mistral", "qwen2", "qwen2_moe", "qwen3", "qwen3_moe", "qwen3_vl", "qwen3_vl_moe")
_GENERATES = ("ForCausalLM", "ForConditionalGeneration")
# Encoders whose tokenizers allow as many tokens as the model; for others the tokenizer is a limit of its own.
_ENCODERS = ("bert", "modernbert")


def own_length(config: Mapping[str, Any]) -> int | None:
    """Return the context length of a model in tokens; None if the config is not unambiguous."""
    text = text_config(config)
    length = text.get("max_position_embeddings")
    return None if _is_rope_scaled(config) or _OTHER_LENGTHS & {*text} else positive(length)


def length_limit(engine: Engine, config: Mapping[str, Any]) -> int | None:
    """Return the longest context that an engine accepts for a model; None if the config is not unambiguous.

    Unlike `own_length`, this is an upper bound: with a key other than `max_position_embeddings`, the class of the
    config can add a default, and engines take the least.
    """
    text = text_config(config)
    present = [key for key in ("max_position_embeddings", *_OTHER_LENGTHS) if key in text]
    if len(present) != 1 or present[0] not in engine.length_keys or _is_rope_scaled(config):
        return own_length(config)
    return positive(text[present[0]])


def counts(engine: Engine, args: Mapping[str, Any]) -> bool:
    """Return whether an engine uses config.json unchanged, with these flags by canonical name."""
    return not any(name.partition(".")[0] in engine.overrides for name in args)


def served_length(
    engine: Engine, args: Mapping[str, Any], config: Mapping[str, Any], files: Container[str]
) -> int | None:
    """Return the context length that vLLM serves if no flag sets it; None if the lock does not determine it.

    Args:
        engine: The model's engine.
        args: Flags by canonical name.
        config: The model's config.json.
        files: Paths of the snapshot's files.
    """
    is_set_elsewhere = engine.length in args or "sentence_bert_config.json" in files
    is_known = _generates(config) or config.get("model_type") in _ENCODERS
    return None if is_set_elsewhere or not counts(engine, args) or not is_known else own_length(config)


def _generates(config: Mapping[str, Any]) -> bool:
    """Return whether a model generates text."""
    written = config.get("architectures")
    names = written if isinstance(written, list) else []
    return bool(names) and all(isinstance(name, str) and name.endswith(_GENERATES) for name in names)


def attention_heads(config: Mapping[str, Any]) -> int | None:
    """Return the number of attention heads, which the GPUs of a tensor-parallel group share evenly."""
    return positive(text_config(config).get("num_attention_heads"))


def cache_bytes(config: Mapping[str, Any]) -> int | None:
    """Return the bytes of one token in an unquantized KV cache, over all GPUs; None except for plain full attention.

    2 × layers × KV heads × size of a head × bytes of a value (vllm/v1/kv_cache_interface.py).
    """
    text = text_config(config)
    sizes = [positive(text.get(key)) for key in ("num_hidden_layers", "num_key_value_heads", "head_dim")]
    dtype = next((table[key] for table in (text, config) for key in ("dtype", "torch_dtype") if table.get(key)), None)
    is_plain = config.get("model_type") in _FULL_ATTENTION and dtype in ("bfloat16", "float16")
    if not is_plain or (text.get("sliding_window") and text.get("use_sliding_window") is not False):
        return None
    return 2 * math.prod(size for size in sizes if size) * 2 if all(sizes) else None


def brings_code(config: Mapping[str, Any]) -> bool:
    """Return whether the repository has Python code of its own for this model."""
    return isinstance(written := config.get("auto_map"), dict) and bool(written)


def text_config(config: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the text part of a multimodal config, at any depth, or the config itself."""
    table = config
    while (inner := next((table[key] for key in _TEXT_PARTS if isinstance(table.get(key), dict)), None)) is not None:
        table = inner
    return table


def quantization(config: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the `quantization_config` of a config.json, whose text part may have it; empty without one."""
    written = (table.get("quantization_config") for table in (config, text_config(config)))
    return next((found for found in written if isinstance(found, dict)), {})


def _is_rope_scaled(config: Mapping[str, Any]) -> bool:
    tables = (config, text_config(config))
    return any(_is_scaled(table.get(key)) for table in tables for key in ("rope_scaling", "rope_parameters"))


def _is_scaled(rope: Any) -> bool:  # noqa: ANN401 - whatever JSON holds
    if not isinstance(rope, dict):
        return False
    kind = rope.get("rope_type", rope.get("type"))
    inner = any(_is_scaled(value) for value in rope.values())
    return inner or ("factor" in rope and kind not in _COUNTED) or kind in ("dynamic", "longrope", "su", "yarn")


def positive(value: Any) -> int | None:  # noqa: ANN401
    """Return a number that is positive and plausible as a size in a config; None for anything else."""
    return value if isinstance(value, int) and not isinstance(value, bool) and 0 < value < 2**31 else None
