"""Compute the KV cache as vLLM's V1 engine allots it: pages, groups of layers, blocks, tokens.

Source: vllm/v1/core/kv_cache_utils.py, vllm/v1/kv_cache_interface.py and vllm/platforms/interface.py (the block size of
hybrid models), read in the releases from 0.9.1 to 0.33.0.
"""

from __future__ import annotations

from math import ceil
from typing import TYPE_CHECKING, NamedTuple

from modelgen.fit.shapes import CannotEstimateError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from modelgen.engines.facts import MemoryFacts
    from modelgen.fit.shapes import Layers, Shape

_BLOCK = 16
_BLOCK_OF_LATENT = 64  # FlashMLA; other backends of MLA take 32 or 128, which changes less than one block a request


class Serving(NamedTuple):
    """The values that size the cache beside the model.

    Args:
        bytes: The bytes of one value: 2, or 1 for fp8.
        parallel: The GPUs of a tensor-parallel group.
        length: The longest request, in tokens.
        batch: The tokens of a batch.
        facts: How the release counts.
    """

    bytes: int
    parallel: int
    length: int
    batch: int
    facts: MemoryFacts


class Cache(NamedTuple):
    """The KV cache of one GPU.

    Args:
        block: Bytes of a block in all layers that share it.
        groups: The groups of layers, each of which takes blocks of its own.
        size: Tokens of a block.
        request: Blocks of one request of the whole length.
        serving: What it was computed for.
    """

    block: int
    groups: int
    size: int
    request: int
    serving: Serving

    def tokens(self, memory: int) -> int:
        """Return the tokens that the release prints as its KV cache, for this many bytes."""
        blocks = max(0, memory) // self.block
        if self.serving.facts.tokens_follow_length:
            return int(blocks / self.request * self.serving.length)
        return blocks // self.groups * self.size

    def concurrency(self, memory: int) -> float:
        """Return the requests of the whole length that fit at the same time."""
        return max(0, memory) // self.block / self.request

    @property
    def of_request(self) -> int:
        """The bytes of one request of the whole length."""
        return self.request * self.block


def cache_of(shape: Shape, serving: Serving) -> Cache:
    """Return the cache of a model.

    Raises:
        CannotEstimateError: Its layers cannot share pages of one size, or a state cannot be divided.
    """
    layers = _stored(shape.layers, serving)
    size = _block_size(layers, serving)
    pages = {size * _token_bytes(one, serving) for one in layers if one.kind != "state"}
    if len(pages) != 1:
        raise CannotEstimateError("its layers have KV caches of different sizes")
    depth, groups = _grouped([one.number for one in layers], serving.facts.pads_below)
    request = sum(number * _blocks(one, serving, size) for one, number in zip(layers, groups, strict=True))
    return Cache(pages.pop() * depth, sum(groups), size, request, serving)


def longest(shape: Shape, serving: Serving, memory: int) -> int:
    """Return the longest request, in tokens, that fits into this many bytes; 0 if none does."""
    low, high = 0, serving.length
    while low < high:
        middle = (low + high + 1) // 2
        fits = cache_of(shape, serving._replace(length=middle)).of_request <= memory
        low, high = (middle, high) if fits else (low, middle - 1)
    return low


def _stored(layers: Sequence[Layers], serving: Serving) -> list[Layers]:
    """Return the layers as the release stores them: unless it mixes kinds, windows beside full attention are in full.

    Chunked local attention is in full in all releases: VLLM_ALLOW_CHUNKED_LOCAL_ATTN_WITH_HYBRID_KV_CACHE is off.
    """
    kinds = {one.kind for one in layers}
    if "chunked" not in kinds and (serving.facts.mixes or len(kinds) == 1):
        return [*layers]
    if "state" in kinds:
        raise CannotEstimateError("this release cannot serve linear attention")
    return [layers[0]._replace(kind="full", number=sum(one.number for one in layers), span=0)]


def _block_size(layers: Sequence[Layers], serving: Serving) -> int:
    """Return the tokens of a block: beside states, as many as give attention a page that holds a state."""
    size = _BLOCK_OF_LATENT if any(one.kind == "latent" for one in layers) else _BLOCK
    token = next((_token_bytes(one, serving) for one in layers if one.kind != "state"), 0)
    state = next((one.size for one in layers if one.kind == "state"), 0)
    if not token:
        raise CannotEstimateError("it has no layer with a KV cache")
    if state % serving.parallel:
        raise CannotEstimateError("its state cannot be divided among the GPUs")
    return size * max(1, ceil(state // serving.parallel / (size * token)))


def _token_bytes(layers: Layers, serving: Serving) -> int:
    """Return the bytes of one token in one layer on one GPU. A latent cache is whole on every GPU."""
    heads = layers.heads if layers.kind == "latent" else max(1, layers.heads // serving.parallel)
    return heads * layers.size * serving.bytes


def _grouped(counts: Sequence[int], pads_below: float) -> tuple[int, list[int]]:
    """Return the layers of a group, and how many groups each kind has.

    All groups have as many layers as the smallest kind. If the largest kind has only a few more, its number is taken,
    which pads the others (`_get_kv_cache_groups_uniform_page_size`).
    """
    depth = max(counts) if max(counts) < min(counts) * pads_below else min(counts)
    return depth, [ceil(count / depth) for count in counts]


def _blocks(layers: Layers, serving: Serving, size: int) -> int:
    """Return the blocks of one group for a request of the whole length.

    A window holds its tokens and those of the running batch, and may begin within a block.
    """
    if layers.kind == "state":
        return serving.facts.states
    if layers.kind == "sliding":
        return ceil(min(layers.span - 1 + serving.batch, serving.length) / size) + 1
    return ceil(serving.length / size)
