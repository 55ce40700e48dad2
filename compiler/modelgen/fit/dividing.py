"""Divide GPUs among models that can be loaded at the same time.

Everything is counted in ten-thousandths of a GPU, as engines take their share. Each model gets what it needs; what is
left goes to the KV caches, so that the models of a group gain the same number of requests of their longest length. A
model has one size in all groups, so the fullest group stops its growth, and the others of that group grow no further.
"""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping


class Need(NamedTuple):
    """The shares that a model needs of each of its GPUs, in ten-thousandths.

    Args:
        least: With one request of its longest length.
        request: For each further request of that length.
    """

    least: int
    request: Fraction


class Group(NamedTuple):
    """Models that can be loaded at the same time on one GPU.

    Args:
        profile: The profile that loads them together; empty for one model beside those that stay loaded.
        gpu: The GPU's name.
        models: The models whose size is to be found.
        others: The models whose size is written.
        free: What the others leave of the GPU's limit, in ten-thousandths.
    """

    profile: str
    gpu: str
    models: tuple[str, ...]
    others: tuple[str, ...]
    free: int

    @property
    def is_lone(self) -> bool:
        """True if one model has the whole limit, which it gets even if it needs more."""
        return len(self.models) == 1 and not self.others


def crowded(needs: Mapping[str, Need], groups: Iterable[Group]) -> list[Group]:
    """Return the groups whose models need more than is free."""
    return [
        group
        for group in groups
        if not group.is_lone and sum(needs[name].least for name in group.models if name in needs) > group.free
    ]


def divide(needs: Mapping[str, Need], groups: Iterable[Group]) -> dict[str, int]:
    """Return the share of each model in ten-thousandths.

    Args:
        needs: What each model needs.
        groups: The groups, none of which is crowded; each model is in at least one.
    """
    most: dict[str, int] = {}
    shared: list[tuple[int, list[str]]] = []
    for group in groups:
        members = [name for name in group.models if name in needs]
        if len(members) == 1:
            most[members[0]] = min(group.free, most.get(members[0], group.free))
        elif members:
            shared.append((group.free, members))
    growing = {name for _, members in shared for name in members}
    sizes = {name: Fraction(need.least if name in growing else most[name]) for name, need in needs.items()}
    shared += [(most[name], [name]) for name in needs if name in growing and name in most]
    while growing:
        steps = [(free, members, _step(free, members, sizes, needs, growing)) for free, members in shared]
        step = min(found for _, _, found in steps if found is not None)
        for name in growing:
            sizes[name] += step * needs[name].request
        growing -= {name for _, members, found in steps if found == step for name in members}
    return {name: int(size) for name, size in sizes.items()}


def _step(
    free: int, members: list[str], sizes: Mapping[str, Fraction], needs: Mapping[str, Need], growing: set[str]
) -> Fraction | None:
    """Return how many requests more each growing member can get; None if none grows."""
    weight = sum(needs[name].request for name in members if name in growing)
    return (free - sum(sizes[name] for name in members)) / weight if weight else None
