"""Estimate the memory of a vLLM start beside weights and KV cache, on one GPU.

From 0.8.5 to 0.16, the sampler counts most on large GPUs: it sorts the whole vocabulary for every sequence of the
profile run (vllm/v1/sample/ops/topk_topp_sampler.py). The constants agree with starts in public logs of vLLM 0.9.2 to
0.27.1, see docs/starts.toml; `evidence` says how well.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from modelgen.fit.amounts import Amount, Line
from modelgen.fit.shapes import CannotEstimateError
from modelgen.sizes import of_memory

if TYPE_CHECKING:
    from modelgen.engines.facts import MemoryFacts
    from modelgen.fit.blocks.evidence import Bar
    from modelgen.fit.shapes import Shape

_GIB = 2**30
_FEW_SEQUENCES = 128
_SORTS_FEW = 50
"""Bytes a sequence and token of the vocabulary below 128 sequences, where another kernel sorts."""
_BESIDE_SAMPLER = 0.1 * _GIB
_LEAN = 8
"""Bytes in the sampler of the lean runner: logits 2, as float32 4, temporaries 2."""
_OUTSIDE = 0.13 * _GIB
_BETWEEN, _BETWEEN_ERROR, _MOST_BETWEEN = 0.3 * _GIB, 0.2 * _GIB, 4
"""Buffers between GPUs for each of them; starts on 2 and 4 GPUs show 0.55 to 1.7 GiB."""
_TOWER, _LARGE_TOWER = 0.8 * _GIB, 2 * _GIB
_FEW_GRAPHS, _ALL_GRAPHS, _SEQUENCES_OF_ALL = 0.15 * _GIB, 0.65 * _GIB, 256
_DRIVER, _DRIVER_ERROR, _KNOWN_ERROR = 0.45 * _GIB, 0.35 * _GIB, 0.12 * _GIB


def visible(memory: int, seen: int | None) -> Amount:
    """Return the memory that a program on the GPU sees, which is less than what its driver reports.

    Args:
        memory: What the driver reports.
        seen: What logs of PyTorch show for such a GPU; None if none is known. WSL2 keeps nothing.
    """
    if seen is None:
        return Amount.around(memory - _DRIVER, _DRIVER_ERROR, _DRIVER_ERROR)
    return Amount.around(seen, _KNOWN_ERROR, min(_DRIVER_ERROR, max(_KNOWN_ERROR, memory - seen)))


def activations(  # noqa: PLR0913 - everything that the profile run depends on
    shape: Shape, facts: MemoryFacts, sequences: int, batch: int, parallel: int, *, encodes: bool, is_lean: bool
) -> Line:
    """Return the peak of the profile run: of the tower, the forward pass or the sampler, whichever is largest.

    Args:
        shape: The model.
        facts: How the release counts.
        sequences: The sequences that are sampled at the same time; 0 for a model that generates nothing.
        batch: The tokens of a batch.
        parallel: The GPUs of a tensor-parallel group; the vocabulary is not divided among them.
        encodes: Whether it encodes images or audio.
        is_lean: Whether the lean runner serves it.
    """
    inner = shape.intermediate // parallel
    forward = 2 * batch * (5 * shape.hidden + 3 * inner)
    count = min(sequences, batch)
    each = _SORTS_FEW if facts.sorts and count < _FEW_SEQUENCES else _LEAN if is_lean else facts.sampler
    sampler = each * count * shape.vocabulary + _BESIDE_SAMPLER if count else 0
    how = f"forward pass of {batch:,} tokens: 2 B × (5 × {shape.hidden:,} + 3 × {inner:,})"
    if sampler >= forward:
        how = f"sampler: {each} B × {count:,} sequences × {shape.vocabulary:,} tokens + {of_memory(_BESIDE_SAMPLER)}"
    error = 0.1 * _GIB if facts.sorts and sampler >= forward else 0.1 * _GIB + max(forward, sampler) / 3
    line = Line("activations", Amount.around(max(forward, sampler), error, error), "estimated", how)
    return _with_tower(line, shape, batch, parallel) if encodes and shape.tower is not None else line


def _with_tower(text: Line, shape: Shape, batch: int, parallel: int) -> Line:
    """Return the peak with that of the tower, which runs before the text model, and what it encoded, which stays."""
    tower, (low, peak, high) = shape.tower, text.amount
    if tower is None or not tower.tokens:
        amount = Amount(low, int(max(peak, _TOWER)), int(max(peak, _TOWER) + _LARGE_TOWER))
        return text._replace(amount=amount, how=f"{text.how}, or its tower: not known")
    inputs = max(1, batch // tower.tokens)
    patches = inputs * tower.tokens * tower.patches
    inner = tower.intermediate // parallel
    encoding = 2 * patches * (6 * tower.hidden + 2 * inner)
    kept = 2 * max(batch, tower.tokens) * tower.output
    how = text.how
    if encoding > peak:
        how = f"tower on {patches:,} patches: 2 B × (6 × {tower.hidden:,} + 2 × {inner:,})"
    high = int(max(high, encoding * 1.5) + kept * 1.5)
    amount = Amount(int(max(low, encoding / 2)), max(peak, encoding) + kept, high)
    return text._replace(amount=amount, how=f"{how} + {of_memory(kept)} that the tower encoded")


def adapters(shape: Shape, rank: int, slots: int, parallel: int) -> Line:
    """Return the slots for LoRA adapters: two 16-bit matrices for each projection of a layer (vllm/lora/layers).

    Args:
        shape: The model, which must not have experts.
        rank: The largest rank of an adapter.
        slots: The adapters that are loaded at once.
        parallel: The GPUs of a tensor-parallel group, each of which has half of the matrices whole.

    Raises:
        CannotEstimateError: The model has experts, whose slots depend on the release.
    """
    if shape.experts:
        raise CannotEstimateError("the memory of adapters for experts is not known")
    layers, widths = shape.depth, shape.heads * shape.head
    kv = max((one.heads * one.size // 2 for one in shape.layers), default=0)
    attention = 2 * (shape.hidden + widths) + 2 * (shape.hidden + kv)
    one = 2 * rank * layers * (attention + 3 * (shape.hidden + shape.intermediate))
    how = f"{slots} slot{'s' if slots > 1 else ''} of rank {rank} in {layers} layers"
    value = slots * one * (1 + 1 / parallel) / 2
    return Line("adapters", Amount.around(value, value / 2, value), "estimated", how)


def outside(gpus: int, seen: Bar) -> Line:
    """Return what PyTorch does not count, and what the computed memory lacks in public starts.

    Args:
        gpus: The GPUs of a model; NCCL's buffers take memory between several.
        seen: What public starts show.
    """
    joined = min(gpus, _MOST_BETWEEN) if gpus > 1 else 0
    value = _OUTSIDE + _BETWEEN * joined
    what = "libraries, and buffers between GPUs" if joined else "libraries"
    learned = f"from {seen.starts} starts of {seen.sources} sources" if seen.sources > 1 else "no starts to compare"
    amount = Amount.around(max(0.0, value + seen.value), seen.error, seen.error + _BETWEEN_ERROR * joined)
    return Line("outside PyTorch", amount, "estimated", f"{what}; {learned}")


def graphs(sequences: int) -> Line:
    """Return the CUDA graphs as releases since 0.20.0 count them before the cache.

    Args:
        sequences: The most sequences that run at the same time: graphs are captured up to twice as many.
    """
    value = _FEW_GRAPHS + (_ALL_GRAPHS - _FEW_GRAPHS) * min(1.0, sequences / _SEQUENCES_OF_ALL)
    how = "0 with VLLM_MEMORY_PROFILER_ESTIMATE_CUDAGRAPHS=0"
    return Line("CUDA graphs", Amount.around(value, value * 0.6, 0.6 * _GIB), "estimated", how)
