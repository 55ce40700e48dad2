"""Find what of a model tensor parallelism cannot split: the rules that vLLM and SGLang share.

Sources: the attention classes of these architectures, which assert both rules about heads (vllm/model_executor/models,
0.8.5 to 0.33.0; sglang/srt/models, 0.4.6 to 0.5.23), and vocab_parallel_embedding.py of both engines.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from modelgen.engines.api.warmup import architectures
from modelgen.engines.weights.model_config import positive, text_config

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

PLAIN = frozenset(
    {"Gemma2ForCausalLM", "Gemma3ForCausalLM", "GraniteForCausalLM", "LlamaForCausalLM", "MistralForCausalLM"}
    | {"MixtralForCausalLM", "Qwen2ForCausalLM", "Qwen2MoeForCausalLM", "Qwen3ForCausalLM", "Qwen3MoeForCausalLM"}
)
"""Architectures whose heads and vocabulary are split evenly in all releases."""
_VOCABULARY_PADDING = 64


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
