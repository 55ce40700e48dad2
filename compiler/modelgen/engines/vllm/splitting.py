"""Describe into how many parts vLLM's releases can split a model by tensor parallelism.

Sources, in 45 releases from 0.8.5 to 0.33.0: layers/quantization awq.py, auto_awq.py, gptq.py (until 0.23),
compressed_tensors_wNa16.py (until 0.24), fp8.py and utils/fp8_utils.py (experts until 0.29); weights.splitting.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from modelgen.engines.api.warmup import architectures
from modelgen.engines.weights.model_config import attention_heads, positive, quantization, text_config
from modelgen.engines.weights.splitting import PLAIN, uneven

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from modelgen.engines.images.versions import Version

_KNOWN = PLAIN | {
    "MiniMaxM2ForCausalLM",
    "Phi3ForCausalLM",
    "Qwen2VLForConditionalGeneration",
    "Qwen2_5_VLForConditionalGeneration",
    "Qwen3VLForConditionalGeneration",
    "Qwen3VLMoeForConditionalGeneration",
}
_EXPERTS = ("num_experts", "num_local_experts", "n_routed_experts")
# Methods that keep one scale for each group of inputs → the first release that no longer requires whole groups.
_GROUPED: Mapping[str, tuple[int, ...] | None] = {
    "awq": None,
    "gptq": (0, 24),
    "compressed-tensors": (0, 25),
}
_BLOCK_EXPERTS_UNTIL = (0, 30)


def split_obstacle(version: Version, args: Mapping[str, Any], config: Mapping[str, Any], size: int) -> str | None:
    """Return what of a model cannot be split into this many parts, as in "8 KV heads"; None if nothing is known.

    Args:
        version: vLLM's version.
        args: Flags by canonical name.
        config: The model's config.json.
        size: The tensor-parallel size.
    """
    if size == 1 or not {*architectures(config)} <= _KNOWN or not architectures(config):
        return None
    return next(_obstacles(version, args, config, size), None)


def _obstacles(version: Version, args: Mapping[str, Any], config: Mapping[str, Any], size: int) -> Iterator[str]:
    text = text_config(config)
    yield from uneven(config, size, _KNOWN)
    width = positive(text.get("intermediate_size"))
    has_experts = any(positive(text.get(key)) for key in _EXPERTS)
    if has_experts:
        width = positive(text.get("moe_intermediate_size")) or width
        width = None if args.get("enable-expert-parallel") is True else width
    if width is None:
        return
    if width % size:
        yield f"intermediate size of {width:,}"
    elif (group := _group(version, config, has_experts=has_experts)) and width // size % group:
        yield f"intermediate size of {width:,}, quantized in groups of {group},"
    elif group and not has_experts and (inner := _attention_width(text)) and inner // size % group:
        yield f"attention output of {inner:,}, quantized in groups of {group},"


def _attention_width(text: Mapping[str, Any]) -> int | None:
    heads, head, hidden = attention_heads(text), positive(text.get("head_dim")), positive(text.get("hidden_size"))
    if heads is None or (head is None and hidden is None):
        return None
    return heads * head if head else hidden


def _group(version: Version, config: Mapping[str, Any], *, has_experts: bool) -> int | None:
    """Return the size of the groups or blocks that a part must hold whole; None if parts may cut them."""
    table = quantization(config)
    method = str(table.get("quant_method", "")).removesuffix("_marlin")
    if _leaves_out_mlp(table) or table.get("dynamic"):
        return None
    if method == "fp8":
        blocks = table.get("weight_block_size")
        is_checked = not has_experts or version.release < _BLOCK_EXPERTS_UNTIL
        return positive(blocks[1]) if is_checked and isinstance(blocks, list) and len(blocks) == 2 else None
    # The kernels for experts reduce the groups of the other methods (moe_wna16.py).
    until = _GROUPED.get(method, (0,))
    if has_experts or (until is not None and version.release >= until):
        return None
    return _compressed_group(table) if method == "compressed-tensors" else positive(table.get("group_size"))


def _compressed_group(table: Mapping[str, Any]) -> int | None:
    groups = table.get("config_groups")
    sizes = {
        positive(weights.get("group_size"))
        for one in (groups.values() if isinstance(groups, dict) else ())
        if isinstance(one, dict) and isinstance(weights := one.get("weights"), dict)
    }
    return sizes.pop() if len(sizes) == 1 and table.get("format") == "pack-quantized" else None


def _leaves_out_mlp(table: Mapping[str, Any]) -> bool:
    """Return whether layers of the MLP may not be quantized; the gate of experts never is."""
    written = [*(table.get("ignore") or ()), *(table.get("modules_to_not_convert") or ())]
    names = [name for name in written if isinstance(name, str) and not name.rstrip("$").endswith("mlp.gate")]
    return any(part in name for name in names for part in ("mlp", "down_proj", "layers", "re:"))
