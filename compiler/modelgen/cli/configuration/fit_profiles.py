"""Print what runs together on each GPU, for `modelgen fit`: a row for each profile and GPU."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, NamedTuple

import click

from modelgen import fit
from modelgen.cli.terminal import fill, width_of
from modelgen.sizes import of_memory

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

    from modelgen.resolve import Resolved


class Together(NamedTuple):
    """The memory of a GPU that a profile reserves, in bytes.

    Args:
        profile: The profile.
        gpu: The GPU.
        models: The models that are loaded together, with those that stay loaded.
        reserved: What they reserve.
        left: What is left of the limit of the GPU.
        outside: What the limit leaves to other programs.
    """

    profile: str
    gpu: str
    models: tuple[str, ...]
    reserved: int
    left: int
    outside: int


_HEAD = ("PROFILE", "GPU", "TOGETHER", "RESERVED", "LEFT", "OUTSIDE THE LIMIT")


def print_profiles(resolved: Resolved, shown: Collection[str]) -> None:
    """Print the profiles with a model that is shown: what they reserve of a GPU, and what is left."""
    rows = [_HEAD, *map(_cells, together(resolved, shown))]
    if len(rows) == 1:
        return
    widths = [max(len(cells[column]) for cells in rows) for column in range(len(_HEAD))]
    click.echo()
    width = width_of(sys.stdout)
    if width is not None and sum(widths) + 2 * len(widths) - 2 > width:
        for profile, gpu, models, *sizes in rows[1:]:
            named = ", ".join(f"{head.lower()} {size}" for head, size in zip(_HEAD[3:], sizes, strict=True))
            click.echo(fill(f"{profile} on {gpu}: {models}; {named}", width, "    "))
        return
    for cells in rows:
        click.echo("".join(f"{cell:<{size}}  " for cell, size in zip(cells, widths, strict=True)).rstrip())


def _cells(one: Together) -> tuple[str, ...]:
    sizes = (of_memory(size) if size else "0 GiB" for size in (one.reserved, one.left, one.outside))
    return (one.profile, one.gpu, " + ".join(one.models), *sizes)


def together(resolved: Resolved, shown: Collection[str]) -> Iterator[Together]:
    """Yield what each profile with a model that is shown reserves of each of its GPUs."""
    kept = [name for name, run in resolved.runs.items() if run.model.keep_loaded]
    for profile, table in (resolved.document.config.profiles or {}).items():
        if not {*shown} & {*table.models}:
            continue
        taken: dict[str, dict[str, int]] = {}
        for name in dict.fromkeys((*table.models, *kept)):
            if name not in resolved.runs:
                continue
            model = resolved.runs[name].model
            cards = {gpu: resolved.cards[gpu] for gpu in model.gpus or () if gpu in resolved.cards}
            for gpu, size in fit.reservations(cards, model.gpu_memory).items():
                taken.setdefault(gpu, {})[name] = size
        for gpu, parts in taken.items():
            card, reserved = resolved.cards[gpu], sum(parts.values())
            limit = fit.budget(card)
            yield Together(profile, gpu, (*parts,), reserved, max(0, limit - reserved), card.memory - limit)
