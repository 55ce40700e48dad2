"""Estimate the memory of a vLLM start beside weights and KV cache, on one GPU.

The numbers come from 20 starts in public logs, of vLLM 0.10.0 to 0.27.1 (llm-d-planner, "Empirical vLLM memory
results", and logs in public repositories). From 0.8.5 to 0.16, the sampler counts most on large GPUs: it sorts the
whole vocabulary for every sequence of the profile run.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from modelgen.fit.amounts import Amount, Line
from modelgen.fit.shapes import CannotEstimateError
from modelgen.sizes import of_memory

if TYPE_CHECKING:
    from modelgen.engines.facts import MemoryFacts
    from modelgen.fit.shapes import Shape

_GIB = 2**30
_FEW_SEQUENCES = 128
_SORTS_FEW = 50
"""Bytes a sequence and token of the vocabulary below 128 sequences, where another kernel sorts."""
_BESIDE_SAMPLER = 0.1 * _GIB
_OUTSIDE, _OUTSIDE_OF_SEVERAL = 0.13 * _GIB, 0.55 * _GIB
_TOWER = 0.8 * _GIB
_GRAPHS = 0.4 * _GIB
_DRIVER = 0.45 * _GIB
_DRIVER_ERROR = 0.35 * _GIB


def visible(memory: int) -> Amount:
    """Return the memory that a program on the GPU sees: the driver keeps 0.1 to 0.8 GiB of what it reports.

    79.18 of 79.65 GiB (H100), 44.39 of 44.99 (L40S), 39.49 of 40 (A100), 23.57 to 23.99 of 24 (RTX 3090), 14.56 of 15
    (T4).
    """
    return Amount.around(memory - _DRIVER, _DRIVER_ERROR, _DRIVER_ERROR)


def activations(shape: Shape, facts: MemoryFacts, sequences: int, batch: int, parallel: int) -> Line:
    """Return the peak of the profile run: of the forward pass or of the sampler, whichever is larger.

    Args:
        shape: The model.
        facts: How the release counts.
        sequences: The sequences that are sampled at the same time; 0 for a model that generates nothing.
        batch: The tokens of a batch.
        parallel: The GPUs of a tensor-parallel group; the vocabulary is not divided among them.
    """
    forward = 2 * batch * (8 * shape.hidden + 3 * shape.intermediate // parallel)
    count = min(sequences, batch)
    each = _SORTS_FEW if facts.is_measured and count < _FEW_SEQUENCES else facts.sampler
    sampler = each * count * shape.vocabulary + _BESIDE_SAMPLER if count else 0
    error = 0.25 * _GIB if facts.is_measured else 0.3 * _GIB + forward / 2
    if sampler >= forward:
        how = f"sampler: {each} B × {count:,} sequences × {shape.vocabulary:,} tokens + {of_memory(_BESIDE_SAMPLER)}"
    else:
        how = f"forward pass of {batch:,} tokens: 2 B × (8 × {shape.hidden:,} + 3 × {shape.intermediate // parallel:,})"
    return Line("activations", Amount.around(max(forward, sampler), error, error), "estimated", how)


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
    layers, widths = sum(one.number for one in shape.layers), shape.heads * shape.head
    kv = max((one.heads * one.size // 2 for one in shape.layers), default=0)
    attention = 2 * (shape.hidden + widths) + 2 * (shape.hidden + kv)
    one = 2 * rank * layers * (attention + 3 * (shape.hidden + shape.intermediate))
    how = f"{slots} slot{'s' if slots > 1 else ''} of rank {rank} in {layers} layers"
    value = slots * one * (1 + 1 / parallel) / 2
    return Line("adapters", Amount.around(value, value / 2, value), "estimated", how)


def tower() -> Line:
    """Return the peak of a vision or audio tower on its largest input."""
    return Line("vision or audio", Amount.around(_TOWER, _TOWER, 1.2 * _GIB), "estimated", "its largest input; varies")


def outside(parallel: int) -> Line:
    """Return what PyTorch does not count: the CUDA context's growth, and NCCL's buffers between several GPUs."""
    value = _OUTSIDE_OF_SEVERAL if parallel > 1 else _OUTSIDE
    how = "libraries, and buffers between GPUs" if parallel > 1 else "libraries"
    return Line("outside PyTorch", Amount.around(value, 0.1 * _GIB, 0.2 * _GIB), "estimated", how)


def graphs() -> Line:
    """Return the CUDA graphs as releases since 0.20.0 count them before the cache."""
    return Line("CUDA graphs", Amount.around(_GRAPHS, 0.35 * _GIB, 0.6 * _GIB), "estimated", "by the number of sizes")
