"""Compute the order in which models start without an orchestrator."""

from __future__ import annotations

from typing import TYPE_CHECKING

from modelgen import fit

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from modelgen.ir import Profile
    from modelgen.resolve import Card, ModelRun


def start_dependencies(
    runs: Mapping[str, ModelRun], profiles: Iterable[Profile], cards: Mapping[str, Card]
) -> dict[str, list[str]]:
    """Return for each model the earlier ones that share a profile and a GPU with it.

    Two engines that start on one GPU at once measure each other's memory (vllm#55827, #56830), so the second waits.
    All profiles have the same order, largest reservation first, then id: opposite orders in two profiles would be a
    dependency cycle.
    """

    def order(name: str) -> tuple[int, str]:
        model = runs[name].model
        own = {gpu: cards[gpu] for gpu in model.gpus or ()}
        return -sum(fit.reservations(own, model.gpu_memory).values()), name

    earlier: dict[str, set[str]] = {}
    for profile in profiles:
        by_card: dict[str, list[str]] = {}
        for name in sorted(profile.models, key=order):
            for gpu in runs[name].model.gpus or ():
                earlier.setdefault(name, set()).update(by_card.setdefault(gpu, []))
                by_card[gpu].append(name)
    return {name: sorted(others, key=order) for name, others in earlier.items()}
