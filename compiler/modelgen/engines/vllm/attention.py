"""Describe which GPUs vLLM's attention backends run on, by release.

Sources, for the releases 0.11.0 to 0.33.0: `get_attn_backend_cls` in vllm/platforms/cuda.py, and in
vllm/v1/attention/backends `supports_compute_capability` of FlashInfer and FlashAttention, `flash_attn_supports_fp8` and
the kernels of Triton, which have no `fp8e4nv` below 8.9 (vllm#26431). 0.11.0 takes Triton for a cache of FP8 on every
GPU but 9.0 and 10.0; later releases take the first backend that supports the GPU: FlashAttention, FlashInfer, Triton.
FlashInfer is not taken for 7.5 since 0.24 (flashinfer#3620). 0.11.0 takes the backend of VLLM_ATTENTION_BACKEND without
a check, and FlashAttention's kernels stop ("FlashAttention only supports Ampere GPUs or newer"); 0.10 takes xFormers
instead. Models with MLA have backends of their own.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from modelgen.engines.images.versions import Version

    # The least capability by release, the oldest first.
    History = tuple[tuple[tuple[int, ...], int], ...]

_FLASHINFER = (((0, 11, 1), 75), ((0, 24), 80))
_BACKENDS: Mapping[str, History] = {"FLASH_ATTN": (((0, 11), 80),), "FLASHINFER": _FLASHINFER}
# Backends for MLA, since 0.11.1: the generations that `supports_compute_capability` names in 0.11.1 to 0.33.0.
_FOR_MLA: Mapping[str, tuple[int, ...]] = {
    "CUTLASS_MLA": (10,),
    "FLASHINFER_MLA": (10,),
    "FLASHMLA": (9, 10),
    "FLASH_ATTN_MLA": (9,),
}
_CHECKED_SINCE = (0, 11, 1)
_WITH_FP8: Mapping[str, History] = {
    "": (((0, 11), 89), *_FLASHINFER),
    "FLASH_ATTN": (((0, 11, 1), 90),),
    "FLASHINFER": _FLASHINFER,
    "TRITON_ATTN": (((0, 11), 89),),
}
_FP8 = ("fp8", "fp8_e4m3")


def needed_for_backend(version: Version, backend: str, capability: int) -> str | None:
    """Return the capability that a release needs for a backend; None if it has it, or if that is not known."""
    backend = backend.upper()
    generations = _FOR_MLA.get(backend, ()) if version.release >= _CHECKED_SINCE else ()
    if generations and capability // 10 not in generations:
        return " or ".join(f"{major}.x" for major in generations)
    least = _least(_BACKENDS.get(backend, ()), version)
    return f"{least // 10}.{least % 10}" if least is not None and capability < least else None


def needed_for_kernels(version: str, capability: int) -> str | None:
    """Return the capability that a version of FlashAttention needs; None if it runs there.

    `get_flash_attn_version` in vllm/attention/utils/fa_utils.py takes FlashAttention 2 for 3 on 10.x by itself. Else it
    stops where `_is_fa3_supported` of vllm_flash_attn says "compute capability >= 8 excluding 8.6 and 8.9 and Blackwell
    archs (>=10)".
    """
    is_fine = capability in (80, 87) or capability // 10 in (9, 10)
    return "8.0, 8.7 or 9.x" if version == "3" and not is_fine else None


def least_for_cache(version: Version, dtype: str, backend: str) -> int | None:
    """Return the least capability that a release needs for a type of the KV cache; None if that is not known.

    Args:
        version: vLLM's version.
        dtype: The value of `kv-cache-dtype`.
        backend: The backend that the user chose; empty for the release's own choice.
    """
    return _least(_WITH_FP8.get(backend.upper(), ()), version) if dtype in _FP8 else None


def _least(history: History, version: Version) -> int | None:
    return next((least for since, least in reversed(history) if version.release >= since), None)
