"""Compute the bytes of a cached token by the type of the cache.

Sources: `CacheDType` in vllm/config/cache.py, the specs of vllm/v1/kv_cache_interface.py, and `get_kv_cache_spec` of
vllm/model_executor/layers/attention, read in the releases from 0.9.1 to 0.33.0.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from modelgen.fit.shapes import CannotEstimateError
from modelgen.fit.shapes.numbers import part

if TYPE_CHECKING:
    from collections.abc import Mapping

    from modelgen.engines.facts import MemoryFacts
    from modelgen.fit.shapes import Layers


class CacheType(NamedTuple):
    """A way to store values.

    Args:
        sixteen: The bytes of 16 values, with the scales of blocks.
        scales: The bytes of the scales that every head of a token has: one for its keys, one for its values.
        latent: The bytes of a token of MLA; None if they follow from its values.
    """

    sixteen: int
    scales: int = 0
    latent: int | None = None

    def token(self, layers: Layers, parallel: int) -> int:
        """Return the bytes of one token in one layer on one GPU.

        Heads are divided among the GPUs, and repeated where the GPUs outnumber them. A latent cache and an index are
        whole on every GPU; an index has a type of its own.
        """
        if layers.kind == "index":
            return layers.size
        if layers.kind == "latent":
            return layers.size * self.sixteen // 16 if self.latent is None else self.latent
        heads = max(1, layers.heads // parallel)
        return heads * (layers.size * self.sixteen // 16 + self.scales)


_BITS_16, _BITS_8 = CacheType(32), CacheType(16)
_TYPES = {
    **dict.fromkeys(("auto", "bfloat16", "float16"), _BITS_16),
    **dict.fromkeys(("fp8", "fp8_e4m3", "fp8_e5m2"), _BITS_8),
    **dict.fromkeys(("int8_per_token_head", "fp8_per_token_head"), CacheType(16, scales=8)),
    "nvfp4": CacheType(9),  # half a byte, and a scale for 16 values
    "fp8_ds_mla": CacheType(16, latent=656),  # 512 in 8 bits, 4 scales, 64 in 16 bits
}
_SPARSE = _TYPES["fp8_ds_mla"]


def stored_type(config: Mapping[str, Any]) -> str | None:
    """Return the type of the KV cache that a checkpoint has scales for; None without one.

    llm-compressor writes `kv_cache_scheme`, ModelOpt that or `kv_cache_quant_algo` (`get_kv_cache_quant_algo_string` in
    vllm/utils/torch_utils.py of 0.32.0).
    """
    table = part(config, "quantization_config")
    scheme = table.get("kv_cache_scheme") or table.get("kv_cache_quant_algo")
    if not scheme:
        return None
    if isinstance(scheme, dict):
        bits = scheme.get("num_bits") if scheme.get("type") == "float" else None
        return "fp8" if bits == 8 else "nvfp4" if bits == 4 else "another"
    return {"FP8": "fp8", "NVFP4": "nvfp4"}.get(scheme.upper() if isinstance(scheme, str) else "", "another")


def served_type(written: Any, config: Mapping[str, Any], facts: MemoryFacts) -> Any:  # noqa: ANN401 - from models.toml
    """Return the value of `kv-cache-dtype` that counts: the written one, or that of the checkpoint.

    Raises:
        CannotEstimateError: Whether the release takes that of the checkpoint is not known, or what it means.
    """
    stored = stored_type(config)
    if stored is None or facts.takes_stored_cache is False or stored == written:
        return written
    if facts.takes_stored_cache is None or (written == "auto" and stored == "another"):
        way = "" if stored == "another" else f": write that type, `kv-cache-dtype = {stored}`"
        raise CannotEstimateError(f"the checkpoint has a type of its own for the KV cache{way}")
    return stored if written == "auto" else written


def cache_type(dtype: Any, layers: tuple[Layers, ...]) -> CacheType:  # noqa: ANN401 - as models.toml has it
    """Return the type that `kv-cache-dtype` means for these layers.

    Raises:
        CannotEstimateError: It is not known, or MLA has no such type.
    """
    if not isinstance(dtype, str) or dtype not in _TYPES:
        raise CannotEstimateError(f"`kv-cache-dtype = {str(dtype)[:40]}` is not one of {', '.join(_TYPES)}")
    kinds = {one.kind for one in layers}
    if "latent" not in kinds:
        return _TYPES[dtype]
    if dtype == "nvfp4" or _TYPES[dtype].scales:
        raise CannotEstimateError(f"`kv-cache-dtype = {dtype}` is not known for MLA")
    # Sparse attention takes 8 bits for its own layout.
    return _SPARSE if "index" in kinds and _TYPES[dtype] is _BITS_8 else _TYPES[dtype]
