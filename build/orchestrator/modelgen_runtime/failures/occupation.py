"""Explain a start for which there was less free GPU memory than the model reserves, as measured before it."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from modelgen_runtime.failures.explanation import Meaning

_FOR_WANT_OF_MEMORY = frozenset(
    {
        "card-in-use",
        "card-full",
        "card-unbalanced",
        "cache-not-allocated",
        "sglang-memory",
        "warm-up-out-of-memory",
    }
)


def name_occupation(meaning: Meaning | None, short: Iterable[str]) -> Meaning | None:
    """Return the meaning of a failure for want of GPU memory with what was measured; others stay as they are.

    Args:
        meaning: The meaning by the output of the engine.
        short: The GPUs that had too little, each as a sentence about the model.
    """
    if meaning is None or meaning.name not in _FOR_WANT_OF_MEMORY:
        return meaning
    return replace(
        meaning,
        name="card-occupied",
        text=f"something else occupies the GPU: {' and '.join(short)}",
        remedy="end the other program, which `nvidia-smi` on the host names; else lower `gpu_memory` of its models",
        keys=("gpu_memory",),
    )
