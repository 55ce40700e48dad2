"""GPU memory arithmetic: budgets of cards, claims of models."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from modelgen.config import Config

# The rest of a card is for the CUDA contexts of processes that have claimed their part (vllm#20305, #17979). A Windows
# desktop holds 5 to 13 % of the card that it is shown on (30.2 of 31.84 GiB were free, 6.96 of 8: model-runner#414).
LIMIT = 0.95
_LIMIT_BESIDE_DESKTOP = 0.85
_PARTS = 10_000


class Card(NamedTuple):
    """A card: its memory in bytes, and the share of it that resident models may claim together."""

    memory: int
    limit: float


def cards(config: Config) -> dict[str, Card]:
    """Return the cards by name, with the limit of the host's platform where none is written."""
    has_desktop = config.host is not None and config.host.platform == "wsl2"
    default = _LIMIT_BESIDE_DESKTOP if has_desktop else LIMIT
    return {
        name: Card(gpu.memory, default if gpu.limit is None else gpu.limit) for name, gpu in (config.gpus or {}).items()
    }


def budget(card: Card) -> int:
    """Return the bytes of a card that resident models may claim together."""
    return _part(card.memory, card.limit)


def claims(cards: Mapping[str, Card], memory: int | float | None) -> dict[str, int]:
    """Return the bytes that a model claims of each of its cards.

    Args:
        cards: By name, in the model's order.
        memory: `gpu_memory` as loaded: an int is bytes, a float a share. None is all that the limits allow: an engine
            takes one share for all of its cards, so that of the card with the lowest limit.
    """
    if memory is None:
        memory = min((card.limit for card in cards.values()), default=1.0)
    return {name: memory if isinstance(memory, int) else _part(card.memory, memory) for name, card in cards.items()}


def share(cards: Iterable[Card], memory: int | float | None) -> Decimal:
    """Return the claim as a share of every card, rounded down to 4 decimals, so that a sum never exceeds a limit."""
    return min(_share(card, memory) for card in cards)


def _share(card: Card, memory: int | float | None) -> Decimal:
    if isinstance(memory, int):
        parts = memory * _PARTS // card.memory
    else:
        parts = int(_exact(card.limit if memory is None else memory) * _PARTS)
    return (Decimal(parts) / _PARTS).normalize()


def format_size(size: int) -> str:
    """Return bytes as people write them, in GiB with at most two decimals, or in MiB below one GiB."""
    factor, unit = (2**30, "GiB") if size >= 2**30 else (2**20, "MiB")
    return f"{size / factor:.2f}".rstrip("0").rstrip(".") + f" {unit}"


def _part(memory: int, part: float) -> int:
    return int(memory * _exact(part))


def _exact(part: float) -> Decimal:
    """0.1 is meant as one tenth, not as the nearest binary fraction."""
    return Decimal(repr(float(part)))
