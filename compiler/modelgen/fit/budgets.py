"""Compute budgets of GPUs, and reservations and shares of models."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from modelgen.resolve.cards import Card

Written = int | float | Literal["auto"] | None
"""`gpu_memory` as loaded: bytes, a share, `auto` until `sizing` has chosen a share, or None for all."""
PARTS = 10_000


def budget(card: Card) -> int:
    """Return the bytes of a GPU that resident models may reserve together."""
    return _part(card.memory, card.limit)


def reservations(cards: Mapping[str, Card], memory: Written) -> dict[str, int]:
    """Return the bytes that a model reserves on each of its GPUs.

    Args:
        cards: The GPUs by name, in the model's order.
        memory: `gpu_memory` as loaded: an int is bytes, a float a share. None means everything that the limits allow:
            an engine takes one share for all of its GPUs, so the lowest limit counts. Where `auto` has found no share,
            which is an error of its own, nothing is reserved.
    """
    if memory == "auto":
        return {}
    if isinstance(memory, int):
        return dict.fromkeys(cards, memory)
    part = min((card.limit for card in cards.values()), default=1.0) if memory is None else memory
    return {name: _part(card.memory, part) for name, card in cards.items()}


def takes_all(cards: Mapping[str, Card], memory: Written) -> bool:
    """Return whether a model reserves all that the limit of one of its GPUs allows, so that it cannot reserve more."""
    sizes = reservations(cards, memory)
    # A share that was chosen has 4 decimals.
    return any(size >= budget(cards[name]) - cards[name].memory / PARTS for name, size in sizes.items())


def share(cards: Iterable[Card], memory: Written) -> Decimal:
    """Return the reserved share of every GPU, rounded down to 4 decimals, so that a sum never exceeds a limit."""
    assert memory != "auto", "checked by unknown-need and needs-over-card"  # noqa: S101 - an invariant
    return min(_share(card, memory) for card in cards)


def _share(card: Card, memory: int | float | None) -> Decimal:
    if isinstance(memory, int):
        parts = memory * PARTS // card.memory
    else:
        parts = int(_exact(card.limit if memory is None else memory) * PARTS)
    return (Decimal(parts) / PARTS).normalize()


def _part(memory: int, part: float) -> int:
    return int(memory * _exact(part))


def _exact(part: float) -> Decimal:
    """Return the decimal value: 0.1 means one tenth, not the nearest binary fraction."""
    return Decimal(repr(float(part)))
