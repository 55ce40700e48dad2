"""Estimate the KV cache of an engine that reserves one share of a GPU for weights and cache, and sizes the cache by it.

The cache is what is left of that share after the weights, so that only the memory that is free when the engine starts
is uncertain. The rest of the reservation is for activations and CUDA graphs.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from modelgen.fit.amounts import Amount, Line
from modelgen.fit.blocks import overhead
from modelgen.fit.blocks.cache_types import stored_type
from modelgen.fit.shapes import CannotEstimateError, read_shape
from modelgen.sizes import of_memory

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from modelgen.engines.facts import PoolServing
    from modelgen.fit.shapes import Shape

_GIB = 2**30
_CONTEXT, _CONTEXT_ERROR = 0.45 * _GIB, 0.35 * _GIB
_LOADED = 0.015
"""The share by which loaded weights differ from the tensors in the files."""


class PoolStart(NamedTuple):
    """A start of a model.

    Args:
        config: The model's config.json, untrusted.
        args: Its flags, by canonical name.
        read: The use of a GPU with these flags, by memory and reserved memory of each GPU, or why it is not known.
        weights: Bytes of the tensors in its files.
        memory: The memory of each of its GPUs.
        gpus: The number of its GPUs.
        share: The share of that memory that it reserves.
        length: The longest request in tokens.
    """

    config: Mapping[str, Any]
    args: Mapping[str, Any]
    read: Callable[[tuple[tuple[int, int], ...], Mapping[str, Any]], PoolServing | str]
    weights: int
    memory: int
    gpus: int
    share: float
    length: int


class PoolCache(NamedTuple):
    """The KV cache of one GPU.

    Args:
        token: The bytes of a token.
        length: The tokens of the longest request.
        sequences: The sequences that run at the same time; None if the memory alone decides.
    """

    token: int
    length: int
    sequences: int | None = None

    @property
    def of_request(self) -> int:
        """The bytes of one request of the whole length."""
        return self.token * self.length

    def tokens(self, memory: int) -> int:
        """Return the tokens that this many bytes hold."""
        return max(0, memory) // self.token

    def printed(self, memory: int) -> int:
        """Return the tokens that the engine prints as its KV cache, which are those that it holds."""
        return self.tokens(memory)

    def concurrency(self, memory: int) -> float:
        """Return the requests of the whole length that fit at the same time."""
        return self.tokens(memory) / self.length


def estimate_pool(start: PoolStart) -> tuple[tuple[Line, ...], PoolCache]:
    """Return the sum from the memory of a GPU to the room for the KV cache, and the cache.

    Raises:
        CannotEstimateError: Something that changes the memory is not known; the text says what.
    """
    cards = ((start.memory, int(start.memory * start.share)),) * start.gpus
    serving = start.read(cards, start.args)
    if isinstance(serving, str):
        raise CannotEstimateError(serving)
    if stored_type(start.config) is not None and start.args.get("kv-cache-dtype", "auto") == "auto":
        raise CannotEstimateError("the checkpoint has a type of its own for the KV cache")
    cache = PoolCache(_token_bytes(read_shape(start.config), serving), start.length, serving.sequences)
    seen = overhead.visible(start.memory, None)
    free = seen.minus(Amount.around(_CONTEXT, _CONTEXT_ERROR, _CONTEXT_ERROR))
    reserved = Amount(*(int(memory * serving.static) for memory in free))
    how = f"{serving.static:g} of the {of_memory(free.value)} that are free when it starts, for weights and cache"
    part = start.weights / serving.tensor
    split = f" / {serving.tensor} GPUs" if serving.tensor > 1 else ""
    above = part * _LOADED + (start.weights * 0.04 if serving.tensor > 1 else 0)
    weights = Line("weights", Amount.around(part, part * _LOADED, above), "lock", f"{of_memory(start.weights)}{split}")
    return (Line("static share", reserved, "estimated", how), weights), cache


def _token_bytes(shape: Shape, serving: PoolServing) -> int:
    """Return the bytes of one token in all layers on one GPU. A latent cache is whole on every GPU."""
    kinds = {layers.kind for layers in shape.layers}
    if not kinds or not kinds <= {"full", "latent"}:
        raise CannotEstimateError("the sizes of its pools for windows or states are not known")
    heads = [
        layers.heads if layers.kind == "latent" else max(1, layers.heads // serving.tensor) for layers in shape.layers
    ]
    values = sum(one * layers.size * layers.number for one, layers in zip(heads, shape.layers, strict=True))
    return values * serving.value
