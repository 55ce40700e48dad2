"""Estimate what llama.cpp needs of a GPU beside weights and KV cache.

The compute buffer holds the largest step of one micro batch: the logits of all of its tokens, or attention and
feed-forward. docs/starts-gguf.toml has the public logs that this was compared with.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from modelgen.fit.amounts import Amount, Line

if TYPE_CHECKING:
    from modelgen.engines.facts import GgufServing
    from modelgen.fit.gguf.layers import Model

_GIB = 2**30
_SMALL = 0.05 * _GIB
_ERROR = 0.2
_CONTEXT = 0.45 * _GIB
"""451 to 456 MiB on an RTX 4090 (llama.cpp#15860), 749 to 753 on an RTX PRO 6000."""


def compute(model: Model, serving: GgufServing, tokens: int, copied: int, gpus: int) -> Line:
    """Return the compute buffer of one GPU.

    Args:
        model: The model.
        serving: How it is served.
        tokens: The tokens of the context.
        copied: Bytes of the largest layer whose weights are on the processor: they may be copied for a batch.
        gpus: The GPUs; with several, inputs are stored up to four times.
    """
    batch = serving.batch
    logits = 4 * batch * (model.vocabulary + model.hidden)
    if serving.fuses:
        # The mask of attention in 32 bits and again in 16.
        scores = 6 * batch * tokens + 4 * batch * (4 * model.hidden + 2 * model.wide)
    else:
        scores = 4 * batch * tokens * (model.heads + 1) + 16 * batch * model.hidden
    largest = max(logits, scores) if serving.computes_all else scores
    below = _SMALL + _ERROR * largest
    above = _SMALL + _ERROR * largest + copied + (largest if gpus > 1 else 0)
    above += max(0, logits - largest)
    step = "logits" if largest == logits else "attention"
    detail = f"4 B × ({model.vocabulary:,} + {model.hidden:,})" if step == "logits" else f"of {tokens:,} tokens"
    how = f"{step}: {batch:,} tokens × {detail}" if step == "logits" else f"{step} of {batch:,} tokens, {detail}"
    return Line("compute buffer", Amount.around(largest, below, above), "estimated", how)


def outside() -> Line:
    """Return what no buffer counts: the CUDA context and libraries."""
    return Line("outside", Amount.around(_CONTEXT, 0.3 * _GIB, 0.4 * _GIB), "estimated", "CUDA context and libraries")


def projector(size: int) -> Line:
    """Return the vision part: its tensors, and the largest image."""
    return Line("vision", Amount.around(size + 0.3 * _GIB, 0.3 * _GIB, 1.2 * _GIB), "estimated", "its largest image")
