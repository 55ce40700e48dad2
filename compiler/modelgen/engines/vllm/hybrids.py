"""Describe models with linear attention or Mamba layers, whose state vLLM keeps once per running sequence.

Source: vllm/config/compilation.py since 0.20.0: "max_num_seqs (1024) exceeds available Mamba cache blocks (969)"
(vllm#49064, #38270). The defaults of `max_num_seqs` are 256, and 1024 on large GPUs (vllm/engine/arg_utils.py).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from modelgen.engines.api.warmup import architectures
from modelgen.engines.weights.model_config import text_config

if TYPE_CHECKING:
    from collections.abc import Mapping

    from modelgen.engines.images.versions import Version

SEQUENCES = "max-num-seqs"
_SINCE = (0, 20)
_LAYERS = ("linear_attention", "mamba", "conv")
# Configs of these list their layers in another way, or not at all.
_ARCHITECTURES = ("Bamba", "FalconH1", "GraniteMoeHybrid", "Jamba", "Lfm2", "NemotronH", "Plamo2", "Zamba2")
_KEYS = ("linear_num_value_heads", "mamba_d_ssm", "mamba_d_state", "mamba_num_heads", "ssm_state_size")
# Flags that turn the graphs off, or change them.
_OTHER_GRAPHS = ("enforce-eager", "compilation-config", "cudagraph-capture-sizes", "O")


def is_hybrid(config: Mapping[str, Any]) -> bool:
    """Return whether some layers of a model keep a state instead of a KV cache."""
    text = text_config(config)
    layers = text.get("layer_types")
    if any(text.get(key) for key in _KEYS):
        return True
    if isinstance(layers, list):
        return any(one in layers for one in _LAYERS)
    return any(name.startswith(_ARCHITECTURES) for name in architectures(config))


def missing_sequences(version: Version, args: Mapping[str, Any], config: Mapping[str, Any]) -> str:
    """Return the flag that a hybrid model should have, since its default may exceed the states that fit; else empty."""
    is_set = any(name.partition(".")[0] in (SEQUENCES, *_OTHER_GRAPHS) for name in args)
    return SEQUENCES if version.release >= _SINCE and not is_set and is_hybrid(config) else ""
