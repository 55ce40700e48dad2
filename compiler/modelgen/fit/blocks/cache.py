"""Compute the KV cache as vLLM's V1 engine allots it: pages, groups of layers, blocks, tokens.

Source: vllm/v1/core/kv_cache_utils.py (kv_cache_planning.py in 0.33), vllm/v1/kv_cache_interface.py and
vllm/platforms/interface.py (the block size of hybrid models), read in the releases from 0.9.1 to 0.33.0.
"""

from __future__ import annotations

from math import ceil
from typing import TYPE_CHECKING, NamedTuple

from modelgen.fit.shapes import CannotEstimateError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from modelgen.engines.facts import MemoryFacts
    from modelgen.fit.blocks.cache_types import CacheType
    from modelgen.fit.shapes import Layers, Shape

_BLOCK_OF_LATENT = 64  # FlashMLA; other backends of MLA take 32 or 128, which changes less than one block a request
_IN_FULL = ("full", "latent", "index")
"""Kinds that keep every token, and can share one group although their sizes differ."""


class Serving(NamedTuple):
    """The values that size the cache beside the model.

    Args:
        type: How a value is stored.
        tensor: The GPUs of a tensor-parallel group.
        stages: The GPUs that the layers are divided among (pipeline parallelism).
        length: The longest request, in tokens.
        batch: The tokens of a batch.
        drafts: The tokens that are drafted at once.
        facts: How the release counts.
    """

    type: CacheType
    tensor: int
    stages: int
    length: int
    batch: int
    drafts: int
    facts: MemoryFacts


class Cache(NamedTuple):
    """The KV cache of one GPU.

    Args:
        block: Bytes of a block in all layers that share it; 0 for a model that keeps nothing of a text.
        groups: The groups of layers, each of which takes blocks of its own.
        size: Tokens of the smallest block.
        request: Blocks of one request of the whole length.
        serving: What it was computed for.
    """

    block: int
    groups: int
    size: int
    request: int
    serving: Serving

    def printed(self, memory: int) -> int:
        """Return the tokens that the release prints as its KV cache, for this many bytes.

        Up to 0.20.0, all blocks divided among the groups; from 0.20.1 on (vllm#40691) the concurrency times the length.
        """
        if self.serving.facts.tokens_follow_length:
            return int(self.concurrency(memory) * self.serving.length)
        return self._blocks(memory) // max(1, self.groups) * self.size

    def tokens(self, memory: int) -> int:
        """Return the tokens that this many bytes hold, of requests of the whole length."""
        return int(self.concurrency(memory) * self.serving.length)

    def concurrency(self, memory: int) -> float:
        """Return the requests of the whole length that fit at the same time; 0 without a cache."""
        return self._blocks(memory) / self.request if self.request else 0.0

    @property
    def of_request(self) -> int:
        """The bytes of one request of the whole length."""
        return self.request * self.block

    def _blocks(self, memory: int) -> int:
        return max(0, memory) // self.block if self.block else 0


class _Pages(NamedTuple):
    """Layers of one kind, with the tokens and bytes of their pages."""

    layers: Layers
    number: int
    size: int
    page: int


def cache_of(shape: Shape, serving: Serving) -> Cache:
    """Return the cache of a model.

    Raises:
        CannotEstimateError: Its layers cannot share pages of one size, or a state cannot be divided.
    """
    layers = _stored(shape.layers, serving)
    if not layers:
        return Cache(0, 0, serving.facts.block, 0, serving)
    pages = _pages(layers, serving)
    if _is_one_group(layers):
        block = sum(one.page * ceil(one.number / serving.stages) for one in pages)
        return Cache(block, 1, pages[0].size, _blocks(pages[0], serving), serving)
    page = max(one.page for one in pages)
    unified = [_unified(one, page, serving.facts) for one in pages]
    depth, groups = _grouped([one.number for one in unified], serving.facts.pads_below)
    request = sum(number * _blocks(one, serving) for one, number in zip(unified, groups, strict=True))
    size = min(one.size for one in unified)
    return Cache(page * ceil(depth / serving.stages), sum(groups), size, request, serving)


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
    if not serving.facts.mixes and "state" in kinds:
        raise CannotEstimateError("this release cannot serve linear attention")
    if "chunked" not in kinds and (serving.facts.mixes or len(kinds) <= 1):
        return [*layers]
    return [one._replace(kind="full", span=0) if one.kind in ("sliding", "chunked") else one for one in layers]


def _pages(layers: Sequence[Layers], serving: Serving) -> list[_Pages]:
    """Return the pages of each kind. Beside states, attention has blocks that are as large as a state.

    Without attention, a state has a block for a request, however long it is.
    """
    attention = [one for one in layers if one.kind != "state"]
    states = [(one, _state(one, serving)) for one in layers if one.kind == "state"]
    largest = max((size for _, size in states), default=0)
    if not attention:
        return [_Pages(one, one.number, serving.length, size) for one, size in states]
    size, is_latent = serving.facts.block, any(one.kind == "latent" for one in attention)
    if is_latent:
        size = max(size, _BLOCK_OF_LATENT, serving.facts.latent_alignment if states else 0)
    if states:
        size *= max(1, ceil(largest / (size * serving.type.token(attention[0], serving.tensor))))
    found = [_Pages(one, one.number, size, size * serving.type.token(one, serving.tensor)) for one in attention]
    page = max(one.page for one in found)
    return [*found, *(_Pages(one, one.number, size, page) for one, _ in states)]


def _state(layers: Layers, serving: Serving) -> int:
    assert layers.state is not None, "layers with a state have one"  # noqa: S101
    return layers.state.bytes(serving.tensor, serving.drafts)


def _is_one_group(layers: Sequence[Layers]) -> bool:
    """Return whether all layers take the same blocks: all keep every token, or all have the same window."""
    kinds = {one.kind for one in layers}
    return len({(one.kind, one.span) for one in layers}) == 1 or kinds <= {*_IN_FULL}


def _unified(pages: _Pages, page: int, facts: MemoryFacts) -> _Pages:
    """Return pages of the size of the largest kind: with more tokens in a block, or with unused bytes.

    Raises:
        CannotEstimateError: The release can do neither.
    """
    if pages.page == page or pages.layers.kind == "state":
        return pages._replace(page=page)
    if page % pages.page == 0 and facts.resizes_pages:
        return pages._replace(size=pages.size * page // pages.page, page=page)
    if facts.pads_pages and pages.layers.kind not in ("latent", "index"):
        return pages._replace(page=page)
    raise CannotEstimateError("its layers have KV caches of sizes that this release cannot combine")


def _grouped(counts: Sequence[int], pads_below: float) -> tuple[int, list[int]]:
    """Return the layers of a group, and how many groups each kind has.

    All groups have as many layers as the smallest kind. If the largest kind has only a few more, its number is taken,
    which pads the others (`_get_kv_cache_groups_uniform_page_size`).
    """
    depth = max(counts) if max(counts) < min(counts) * pads_below else min(counts)
    return depth, [ceil(count / depth) for count in counts]


def _blocks(pages: _Pages, serving: Serving) -> int:
    """Return the blocks of one group for a request of the whole length.

    A window holds its tokens and those of the batches that run, and may begin within a block.
    """
    layers = pages.layers
    if layers.kind == "state":
        return serving.facts.states + serving.drafts
    if layers.kind == "sliding":
        running = serving.batch * serving.facts.batches
        return ceil(min(layers.span - 1 + running, serving.length) / pages.size) + 1
    return ceil((layers.span if layers.kind == "cross" else serving.length) / pages.size)
