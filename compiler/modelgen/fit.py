"""GPU memory arithmetic: budgets of cards, claims of models."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from modelgen.config import Gpu

# The rest of a card is for the CUDA contexts of processes that have claimed their part (vllm#20305, #17979).
DEFAULT_LIMIT = 0.95
_PARTS = 10_000


def budget(gpu: Gpu) -> int:
    """Return the bytes of a card that resident models may claim together."""
    return _part(gpu.memory, _limit(gpu))


def claim(gpu: Gpu, memory: int | float | None) -> int:
    """Return the bytes that a model claims of a card.

    Args:
        gpu: The card.
        memory: `gpu_memory` as loaded: an int is bytes, a float a share, None the card's whole limit.
    """
    if memory is None:
        return budget(gpu)
    return memory if isinstance(memory, int) else _part(gpu.memory, memory)


def share(gpu: Gpu, memory: int | float | None) -> Decimal:
    """Return the claim as a share of the card, rounded down to 4 decimals, so that a sum never exceeds the limit."""
    if isinstance(memory, int):
        parts = memory * _PARTS // gpu.memory
    else:
        parts = int(_exact(_limit(gpu) if memory is None else memory) * _PARTS)
    return (Decimal(parts) / _PARTS).normalize()


def format_size(size: int) -> str:
    """Return bytes as people write them, in GiB with at most two decimals, or in MiB below one GiB."""
    factor, unit = (2**30, "GiB") if size >= 2**30 else (2**20, "MiB")
    return f"{size / factor:.2f}".rstrip("0").rstrip(".") + f" {unit}"


def _limit(gpu: Gpu) -> float:
    return DEFAULT_LIMIT if gpu.limit is None else gpu.limit


def _part(memory: int, part: float) -> int:
    return int(memory * _exact(part))


def _exact(part: float) -> Decimal:
    """0.1 is meant as one tenth, not as the nearest binary fraction."""
    return Decimal(repr(float(part)))
