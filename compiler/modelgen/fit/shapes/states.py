"""Compute the state of layers without a KV cache: linear attention, selective state spaces, short convolutions.

Sources: vllm/model_executor/layers/mamba/mamba_utils.py, and `get_mamba_state_shape_from_config` of each family.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from modelgen.fit.shapes.layers import State
from modelgen.fit.shapes.numbers import CannotEstimateError, part, size

if TYPE_CHECKING:
    from collections.abc import Mapping

_SELECTIVE = ("jamba", "mamba", "falcon_mamba")
_GROUPED = ("mamba2", "bamba", "granitemoehybrid", "falcon_h1", "nemotron_h")
_LIGHTNING = ("minimax", "minimax_text_01", "minimax_m1")
_CONVOLUTION = ("lfm2", "lfm2_moe")
DELTA_NETS = ("qwen3_next", "qwen3_5", "qwen3_5_text", "qwen3_5_moe", "qwen3_5_moe_text")
FAMILIES = (*_SELECTIVE, *_GROUPED, *_LIGHTNING, *_CONVOLUTION, *DELTA_NETS, "kimi_linear")
"""Families whose layers, or some of them, keep a state in the place of a KV cache."""


def state_of(values: Mapping[str, Any], family: str) -> State:
    """Return the state of one layer for one sequence.

    Raises:
        CannotEstimateError: A size is missing, or the family is not known.
    """
    if family in DELTA_NETS:
        return _delta_net(values)
    if family in _GROUPED:
        return _grouped(values, family)
    if family in _SELECTIVE:
        inner = size(values, "intermediate_size") if family != "jamba" else _expanded(values, "mamba_expand")
        taps = size(values, "mamba_d_conv", "conv_kernel") - 1
        return State(inner, 0, 0, taps, inner * size(values, "mamba_d_state", "state_size"), 2)
    if family in _LIGHTNING:
        head = size(values, "head_dim")
        return State(0, 0, 0, 0, size(values, "num_attention_heads") * head * head, 2)
    if family in _CONVOLUTION:
        return State(size(values, "conv_dim", "hidden_size"), 0, 0, size(values, "conv_L_cache", default=3) - 1, 0, 2)
    if family == "kimi_linear":
        linear = part(values, "linear_attn_config")
        heads, head = size(linear, "num_heads"), size(linear, "head_dim")
        return State(3 * heads * head, 0, 0, size(linear, "short_conv_kernel_size") - 1, heads * head * head, 4)
    raise CannotEstimateError("`layer_types` of config.json has a kind of layer that is not known")


def _delta_net(values: Mapping[str, Any]) -> State:
    keys = size(values, "linear_num_key_heads") * size(values, "linear_key_head_dim")
    heads, width = size(values, "linear_num_value_heads"), size(values, "linear_value_head_dim")
    taps = size(values, "linear_conv_kernel_dim") - 1
    matrix = heads * width * size(values, "linear_key_head_dim")
    return State(2 * keys + heads * width, 0, 0, taps, matrix, 4 if values.get("mamba_ssm_dtype") == "float32" else 2)


def _grouped(values: Mapping[str, Any], family: str) -> State:
    """Return the state of Mamba 2, whose groups share B and C of the selective scan."""
    heads = size(values, "mamba_num_heads", "mamba_n_heads", "num_heads")
    head = size(values, "mamba_head_dim", "mamba_d_head", "head_dim")
    states = size(values, "ssm_state_size", "mamba_d_state", "state_size")
    groups = size(values, "mamba_n_groups", "n_groups", default=1)
    taps = size(values, "mamba_d_conv", "conv_kernel", default=4) - 1
    inner = heads * head if family == "nemotron_h" else _expanded(values, "mamba_expand", "expand")
    if family == "falcon_h1" and values.get("mamba_d_ssm") is not None:
        inner = size(values, "mamba_d_ssm")
    # Nemotron-H keeps 32 bits unless its config says otherwise; the others keep 16.
    dtype = values.get("mamba_ssm_cache_dtype", "float32" if family == "nemotron_h" else "auto")
    return State(inner, groups, 2 * states, taps, heads * head * states, 4 if dtype == "float32" else 2)


def _expanded(values: Mapping[str, Any], *keys: str) -> int:
    return size(values, *keys, default=2) * size(values, "hidden_size")
