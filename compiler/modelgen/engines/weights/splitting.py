"""Find what of a model tensor parallelism cannot split: the rules that vLLM and SGLang share.

Sources: the attention classes of these architectures, which assert both rules about heads (vllm/model_executor/models,
0.8.5 to 0.33.0; sglang/srt/models, 0.4.6 to 0.5.23), and vocab_parallel_embedding.py of both engines.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from modelgen.engines.api.warmup import architectures
from modelgen.engines.weights.model_config import positive, quantization, text_config

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

PLAIN = frozenset(
    {"Gemma2ForCausalLM", "Gemma3ForCausalLM", "GraniteForCausalLM", "LlamaForCausalLM", "MistralForCausalLM"}
    | {"MixtralForCausalLM", "Qwen2ForCausalLM", "Qwen2MoeForCausalLM", "Qwen3ForCausalLM", "Qwen3MoeForCausalLM"}
)
"""Architectures whose heads and vocabulary are split evenly in all releases."""
_VOCABULARY_PADDING = 64


def cut_groups(config: Mapping[str, Any], size: int, known: frozenset[str], expert_parts: int | None) -> Iterator[str]:
    """Yield the quantized width whose groups the parts would cut: of experts in FP8 with blocks, else of AWQ as well.

    SGLang stops with "not aligned with the quantized weight shape" or "is not divisible by weight quantization block"
    (srt/layers/quantization/awq.py and fp8.py, 0.4.6 to 0.5.23).

    Args:
        config: The model's config.json.
        size: The tensor-parallel size.
        known: The architectures to which the rule applies.
        expert_parts: Into how many parts each expert is split; None if that is not known.
    """
    names, text, table = architectures(config), text_config(config), quantization(config)
    width = positive(text.get("intermediate_size"))
    has_experts = any(positive(text.get(key)) for key in ("num_experts", "num_local_experts", "n_routed_experts"))
    if has_experts:
        width, size = positive(text.get("moe_intermediate_size")), expert_parts or 0
    if not names or not {*names} <= known or width is None or not size:
        return
    left_out = table.get("modules_to_not_convert") or ()
    if _leave_out_experts(left_out) if has_experts else left_out:
        return
    blocks = table.get("weight_block_size")
    is_fp8 = table.get("quant_method") == "fp8" and isinstance(blocks, list) and len(blocks) == 2
    group = positive(blocks[1]) if is_fp8 and blocks else positive(table.get("group_size"))
    is_cut = is_fp8 or (table.get("quant_method") == "awq" and not has_experts)
    if group is not None and is_cut and (width % size or width // size % group):
        yield f"intermediate size of {width:,}, quantized in groups of {group},"


def _leave_out_experts(names: Iterable[Any]) -> bool:
    """Return whether experts may be among the layers that are not quantized; norms and the gate of experts are not."""
    parts = ("expert", "down_proj", "up_proj", "re:", "*")
    return any(
        not isinstance(name, str) or name.endswith("mlp") or any(part in name for part in parts) for name in names
    )


def uneven(config: Mapping[str, Any], size: int, known: frozenset[str]) -> Iterator[str]:
    """Yield the parts of a model that cannot be split evenly, as in "8 KV heads"; none for an unknown architecture.

    Args:
        config: The model's config.json.
        size: The tensor-parallel size.
        known: The architectures to which the rules apply.
    """
    names, text = architectures(config), text_config(config)
    if not names or not {*names} <= known:
        return
    heads, vocabulary = positive(text.get("num_key_value_heads")), positive(text.get("vocab_size"))
    if heads is not None and heads % size and size % heads:
        yield f"{heads} KV heads"
    if vocabulary is not None:
        padded = -(-vocabulary // _VOCABULARY_PADDING) * _VOCABULARY_PADDING
        if padded % size:
            yield f"vocabulary of {padded:,}"
