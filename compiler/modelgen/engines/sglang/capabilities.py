"""Describe the GPUs that SGLang's quantizations run on.

Sources, for 26 releases from 0.4.6 to 0.5.23: `get_min_capability` in srt/layers/quantization, asked by
srt/model_loader/loader.py and the schemes of compressed-tensors. AWQ takes its Marlin kernels by itself from 8.0 on.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from modelgen.engines.weights.schemes import kind_of_checkpoint

if TYPE_CHECKING:
    from collections.abc import Mapping

    from modelgen.engines.images.versions import Version

# Methods that BASE_QUANTIZATION_METHODS in srt/layers/quantization/__init__.py of some release since 0.5.5 has, and the
# flag's values lack. Before, SGLang took the methods of the installed vLLM, too.
QUANTIZATIONS_SINCE = (0, 5, 5)
OTHER_QUANTIZATIONS = frozenset(
    {"auto-round", "blockwise_int8", "compressed-tensors", "fbgemm_fp8", "minimax_m3_nvfp4", "mxfp8", "quark"}
    | {"quark_int4fp8_moe", "quark_mxfp4"}
)
# The least capability by release, the oldest first.
_LEAST: Mapping[str, tuple[tuple[tuple[int, ...], int], ...]] = {
    "awq": (((0,), 75),),
    "awq_marlin": (((0,), 80),),
    "blockwise_int8": (((0,), 80),),
    "fp8": (((0,), 80),),
    "gptq_marlin": (((0,), 80),),
    "modelopt": (((0,), 89),),
    "modelopt_fp4": (((0,), 100), ((0, 5, 13), 80)),
    "modelopt_fp8": (((0,), 89),),
    "mxfp4": (((0,), 80),),
    "petit_nvfp4": (((0,), 90),),
    "w4afp8": (((0,), 90),),
    "w8a8_fp8": (((0,), 89),),
    "w8a8_int8": (((0,), 75),),
    # Schemes of compressed-tensors. FP8 falls back to weights alone below 8.9.
    "FP8": (((0,), 80),),
    "NVFP4": (((0,), 100), ((0, 5, 22), 80)),
    "INT4 weights (W4A16)": (((0,), 80),),
    "INT8 weights (W8A16)": (((0,), 80),),
}


def least_capability(version: Version, method: str, config: Mapping[str, Any]) -> tuple[str, int] | None:
    """Return the name of a quantization and the least capability that a release needs for it; None if not known.

    Args:
        version: SGLang's version.
        method: `quant_method` of the checkpoint, or the value of the flag `quantization`.
        config: `quantization_config` of the checkpoint; empty for the flag.
    """
    name = kind_of_checkpoint(method, config)
    history = _LEAST.get(name)
    if history is None:
        return None
    return name, next(least for since, least in reversed(history) if version.release >= since)
