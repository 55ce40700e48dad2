"""Compute the bytes of a cached token by the type of the cache.

Sources: `CacheDType` in vllm/config/cache.py, the specs of vllm/v1/kv_cache_interface.py, and `get_kv_cache_spec` of
vllm/model_executor/layers/attention, read in the releases from 0.9.1 to 0.33.0.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from modelgen.fit.shapes import CannotEstimateError

if TYPE_CHECKING:
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


def cache_type(dtype: Any, layers: tuple[Layers, ...]) -> CacheType:  # noqa: ANN401 - as models.toml has it
    """Return the type that `kv-cache-dtype` means for these layers.

    Raises:
        CannotEstimateError: It is not known, or MLA has no such type.
    """
    if not isinstance(dtype, str) or dtype not in _TYPES:
        raise CannotEstimateError(f"`kv-cache-dtype = {str(dtype)[:40]}` is not known")
    kinds = {one.kind for one in layers}
    if "latent" not in kinds:
        return _TYPES[dtype]
    if dtype == "nvfp4" or _TYPES[dtype].scales:
        raise CannotEstimateError(f"`kv-cache-dtype = {dtype}` is not known for MLA")
    # Sparse attention takes 8 bits for its own layout.
    return _SPARSE if "index" in kinds and _TYPES[dtype] is _BITS_8 else _TYPES[dtype]
