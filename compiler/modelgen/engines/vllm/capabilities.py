"""Describe the GPUs that vLLM's releases run on: kernels of the images, and the least capability of quantizations.

Sources, for 25 releases from 0.8.5 to 0.33.0: `torch_cuda_arch_list` in docker/Dockerfile, PYTORCH_ROCM_ARCH in
docker/Dockerfile.rocm_base, and `get_min_capability` in vllm/model_executor/layers/quantization. GB10 has kernels of
12.0, but needs the ptxas of CUDA 13 (vllm#28129, #31424, #32575); ROCm runs on Strix Halo from 7.2 on (vllm#31333).
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from modelgen.engines.images.versions import parse_capability
from modelgen.engines.weights.schemes import kind_of_checkpoint, scheme

if TYPE_CHECKING:
    from collections.abc import Mapping

    from modelgen.engines.images.versions import Version

# Models that are unstable in float16: `model_type`, the first release that refuses it, the first that does not
# (`_FLOAT16_NOT_SUPPORTED_MODELS` in vllm/config.py or vllm/config/model.py, 0.9.1 to 0.33.0).
_UNSTABLE: Mapping[str, tuple[tuple[int, ...], tuple[int, ...]]] = {
    "gemma2": ((0, 9, 1), ()),
    "gemma3": ((0, 9, 1), ()),
    "gemma3_text": ((0, 10, 2), ()),
    "glm4": ((0, 9, 1), ()),
    "plamo2": ((0, 9, 1), (0, 27)),
}
_CUDA_13 = re.compile(r"(?:^|-)cu13\d(?:-|$)", re.ASCII)
# The first release whose image has kernels for a capability and newer ones.
_FIRST = (((12, 0), (0, 9, 2)), ((11, 0), (0, 20)), ((10, 0), (0, 9)))
_SPARK = (12, 1)
_SPARK_UNKNOWN, _SPARK_SINCE = (0, 17), (0, 20)
_GFX = frozenset({"gfx90a", "gfx942", "gfx950", "gfx1100", "gfx1101", "gfx1200", "gfx1201"})
_LATER_GFX = {"gfx1150": (0, 19), "gfx1151": (0, 19)}
# The least capability by release, the oldest first. A change between two releases that were read counts for both.
_LEAST: Mapping[str, tuple[tuple[tuple[int, ...], int], ...]] = {
    "awq": (((0,), 75),),
    "awq_marlin": (((0,), 80), ((0, 14), 75)),
    "bitsandbytes": (((0,), 70),),
    "experts_int8": (((0,), 80),),
    "fbgemm_fp8": (((0,), 80),),
    "fp8": (((0,), 80), ((0, 14), 75)),
    "gptq_marlin": (((0,), 80), ((0, 14), 75)),
    "modelopt": (((0,), 89), ((0, 28), 80)),
    "modelopt_fp4": (((0,), 100), ((0, 9), 80), ((0, 14), 75)),
    "mxfp4": (((0,), 80),),
    "torchao": (((0,), 75),),
    # Schemes of compressed-tensors. FP8 falls back to weights alone below 8.9.
    "FP8": (((0,), 80), ((0, 15), 75)),
    "INT8": (((0,), 75),),
    "INT4 weights (W4A16)": (((0,), 80), ((0, 12), 75)),
    "INT8 weights (W8A16)": (((0,), 80), ((0, 12), 75)),
    "INT4 weights with FP8 activations": (((0,), 90),),
    "NVFP4": (((0,), 80), ((0, 15), 75)),
    "MXFP4 weights": (((0, 14), 80),),
    # Quark: "No quark compatible scheme was found" (quark/quark.py of 0.14.0 to 0.33.0).
    "FP8 (Quark)": (((0, 14), 89),),
}
# 8-bit integers have no kernel for 12.x: "Int8 not supported" in csrc/quantization/w8a8/cutlass (vllm#28856, #27182,
# #25935). This kernel is the first of `_POSSIBLE_INT8_KERNELS` in 0.11.0 to 0.33.0; the variable selects another.
_INT8_SINCE, _INT8_READ_UNTIL, _INT8_BELOW = (0, 11), (0, 34), 120
_OTHER_KERNELS = "VLLM_DISABLED_KERNELS"
# Quark's scheme for 4-bit weights exists in 0.33.0, and in none of 0.14.0, 0.19.0, 0.22.0, 0.24.0 and 0.28.0.
_WITHOUT_INT4_OF_QUARK = ((0, 14), (0, 29))
# `supported_quantization` in vllm/platforms/rocm.py of 0.14.0, 0.17.0 and 0.19.0; 0.21.0 has ModelOpt's.
_ROCM_WITHOUT_MODELOPT = ((0, 14), (0, 20))
# `get_supported_act_dtypes`, read in 0.12.0 and 0.32.0, which takes both with AWQ and GPTQ: the first release, and
# the first that was not read.
_ONLY: Mapping[str, tuple[str, tuple[int, ...], tuple[int, ...]]] = {
    "awq": ("float16", (0, 8, 5), (0, 13)),
    "gptq": ("float16", (0, 8, 5), (0, 13)),
    "mxfp4": ("bfloat16", (0, 10, 1), (0, 33)),
}


def runs_on_cuda(tag: str, version: Version | None, capability: str) -> bool | None:
    """Return whether an image for CUDA has kernels for a compute capability; None if that is not known."""
    if version is None or capability.startswith("gfx"):
        return None
    release, wanted = version.release, parse_capability(capability)
    if wanted < ((7, 5) if release >= (0, 20) else (7, 0)):
        return False
    if wanted == _SPARK and release < _SPARK_SINCE:
        return None if release >= _SPARK_UNKNOWN or _CUDA_13.search(tag) else False
    return next((release >= first for least, first in _FIRST if wanted >= least), True)


def runs_on_rocm(_: str, version: Version | None, capability: str) -> bool | None:
    """Return whether an image for ROCm has kernels for a gfx name; None if that is not known."""
    if version is None or not capability.startswith("gfx"):
        return None
    since = _LATER_GFX.get(capability)
    return capability in _GFX if since is None else version.release >= since


def refuses_float16(version: Version, family: str) -> bool:
    """Return whether a release refuses float16 for a `model_type`."""
    since, until = _UNSTABLE.get(family, ((), ()))
    return bool(since) and version.release >= since and (not until or version.release < until)


def only_dtype(version: Version, method: str) -> str | None:
    """Return the only type of weights that a release takes with a quantization; None if it takes several."""
    dtype, since, until = _ONLY.get(method, ("", (), ()))
    return dtype if dtype and since <= version.release < until else None


def least_capability(version: Version, method: str, config: Mapping[str, Any]) -> tuple[str, int] | None:
    """Return the name of a quantization and the least capability that a release needs for it; None if not known.

    Args:
        version: vLLM's version.
        method: `quant_method` of the checkpoint, or the value of the flag `quantization`.
        config: `quantization_config` of the checkpoint; empty for the flag.
    """
    name = kind_of_checkpoint(method, config)
    least = next((least for since, least in reversed(_LEAST.get(name, ())) if version.release >= since), None)
    return None if least is None else (name, least)


def amd_refuses(version: Version, method: str) -> bool:
    """Return whether a release refuses a quantization on AMD's GPUs ("currently not supported in rocm")."""
    since, until = _ROCM_WITHOUT_MODELOPT
    return method.startswith("modelopt") and since <= version.release < until


def unsupported_on(
    version: Version, env: Mapping[str, Any], method: str, config: Mapping[str, Any], capability: int
) -> str | None:
    """Return the name of a quantization that a release does not support on a newer GPU, or on any; None otherwise."""
    since, until = _WITHOUT_INT4_OF_QUARK
    name = kind_of_checkpoint(method, config)
    if name == "INT4 weights (Quark)" and since <= version.release < until:
        return name
    is_read = _INT8_SINCE <= version.release < _INT8_READ_UNTIL and _OTHER_KERNELS not in env
    is_int8 = method == "compressed-tensors" and scheme(config) == "INT8"
    return "INT8" if is_read and is_int8 and capability >= _INT8_BELOW else None
