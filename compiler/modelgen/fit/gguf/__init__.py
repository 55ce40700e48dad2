"""Estimate whether a GGUF file fits: weights by layer and the KV cache exactly, the compute buffer with its error."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from modelgen.fit.amounts import Amount, Line
from modelgen.fit.blocks import overhead as memory_of_gpu
from modelgen.fit.gguf import overhead
from modelgen.fit.gguf.cache import GgufCache
from modelgen.fit.gguf.layers import read_model
from modelgen.fit.shapes import CannotEstimateError
from modelgen.sizes import of_memory

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from modelgen.engines.facts import GgufServing
    from modelgen.fit.gguf.layers import Model
    from modelgen.lockfile.entries import GgufFacts

_PADDING = 0.005
_STEP = 256


class GgufStart(NamedTuple):
    """A start of a model from a GGUF file.

    Args:
        facts: The header of its file, untrusted.
        projector: Bytes of the tensors of its vision part; 0 without one.
        args: Its flags, by canonical name.
        read: How its engine uses a GPU with these flags, or why that is not known.
        memory: The memory of the smallest of its GPUs.
        gpus: The number of its GPUs.
        share: The share of that memory that it reserves.
        length: The tokens of the context.
    """

    facts: GgufFacts
    projector: int
    args: Mapping[str, Any]
    read: Callable[[Mapping[str, Any]], GgufServing | str]
    memory: int
    gpus: int
    share: float
    length: int


def estimate_parts(start: GgufStart) -> tuple[tuple[Line, ...], GgufCache]:
    """Return the sum from the memory of a GPU to the room for the KV cache, and the cache.

    Raises:
        CannotEstimateError: Something that changes the memory is not known; the text says what.
    """
    serving, model = _serving_of(start), read_model(start.facts)
    cache = GgufCache(model, serving, _first_on_gpu(model, serving), start.gpus)
    seen = memory_of_gpu.visible(start.memory, None)
    reserved = Amount(*(int(memory * start.share) for memory in seen))
    how = f"{start.share:g} of the {of_memory(seen.value)} that a program sees of {of_memory(start.memory)}"
    lines = [Line("reserved", reserved, "measured", how), _weights(start, model, serving, cache.first)]
    if start.projector:
        lines.append(overhead.projector(start.projector))
    copied = max(start.facts.layers, default=0) if cache.first or serving.experts_on_host != 0 else 0
    lines += [overhead.compute(model, serving, serving.tokens, copied, start.gpus), overhead.outside()]
    return tuple(lines), cache


def _serving_of(start: GgufStart) -> GgufServing:
    """Return how the engine uses a GPU.

    Raises:
        CannotEstimateError: It is not known.
    """
    serving = start.read(start.args)
    if isinstance(serving, str):
        raise CannotEstimateError(serving)
    return serving._replace(tokens=start.length)


def longest(start: GgufStart, most: int) -> int:
    """Return the longest context up to `most` that fits for certain, in tokens; 0 if none does."""
    low, high = 0, most // _STEP
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (middle, high) if _fits(start, middle * _STEP) else (low, middle - 1)
    return low * _STEP


def _fits(start: GgufStart, tokens: int) -> bool:
    lines, cache = estimate_parts(start._replace(length=tokens))
    room = lines[0].amount.minus(*(line.amount for line in lines[1:]))
    return room.low >= cache.of_request


def _first_on_gpu(model: Model, serving: GgufServing) -> int:
    """Return the first layer on the GPU: the last ones are, and the output counts as one of them."""
    return 0 if serving.layers is None else max(0, len(model.layers) + 1 - serving.layers)


def _weights(start: GgufStart, model: Model, serving: GgufServing, first: int) -> Line:
    """Return the weights on one GPU. The token embeddings stay on the processor, unless they are the output too."""
    facts, count = start.facts, len(model.layers)
    if not facts.layers:
        raise CannotEstimateError("models.lock has no sizes of its tensors; run `modelgen lock`")
    kept = facts.experts[first:] if serving.experts_on_host is None else facts.experts[first : serving.experts_on_host]
    layers = sum(facts.layers[first:count]) - sum(kept)
    output = (facts.output + (facts.input if facts.tied else 0)) if serving.layers != 0 else 0
    drafting = sum(facts.layers[count:])
    # Older builds put one layer more on the GPU in the place of the output.
    either = abs(output - max(facts.layers)) if first else 0
    part = (layers + output) / start.gpus
    uneven = max(facts.layers) + output * (1 - 1 / start.gpus) if start.gpus > 1 else 0
    error = part * _PADDING + either
    how = f"{count - first} of {count} layers" + (", and the output" if output else "")
    how += f" / {start.gpus} GPUs" if start.gpus > 1 else ""
    return Line("weights", Amount.around(part, error, error + drafting + uneven), "lock", how)
