"""Carry a number of bytes with its error, and the source of both."""

from __future__ import annotations

from typing import Literal, NamedTuple

Source = Literal["measured", "lock", "estimated"]


class Amount(NamedTuple):
    """Bytes with an error bar.

    Args:
        low: The least that it may be.
        value: The best estimate.
        high: The most that it may be.
    """

    low: int
    value: int
    high: int

    @classmethod
    def around(cls, value: float, below: float, above: float) -> Amount:
        """Return an amount that is at most `below` smaller or `above` larger, and never negative."""
        return cls(max(0, int(value - below)), int(value), int(value + above))

    def minus(self, *others: Amount) -> Amount:
        """Return what is left after these amounts; it may be negative."""
        return Amount(
            self.low - sum(one.high for one in others),
            self.value - sum(one.value for one in others),
            self.high - sum(one.low for one in others),
        )


class Line(NamedTuple):
    """One line of the sum from the memory of a GPU to the room for the KV cache.

    Args:
        name: What it is.
        amount: How much, on one GPU.
        source: Where the number comes from.
        how: The calculation, as one would check it by hand.
    """

    name: str
    amount: Amount
    source: Source
    how: str
