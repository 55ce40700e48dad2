"""Carry a number of bytes with its error, and the source of both."""

from __future__ import annotations

from math import hypot
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
        """Return what is left after these amounts; it may be negative.

        The errors are independent, so their squares add up.
        """
        value = self.value - sum(one.value for one in others)
        below = hypot(self.value - self.low, *(one.high - one.value for one in others))
        above = hypot(self.high - self.value, *(one.value - one.low for one in others))
        return Amount(int(value - below), value, int(value + above))


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
