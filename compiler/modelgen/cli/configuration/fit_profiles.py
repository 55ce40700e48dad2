"""Print what runs together on each GPU, for `modelgen fit`: a row for each profile and GPU."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import click

from modelgen import fit
from modelgen.cli.terminal import fill, width_of
from modelgen.sizes import of_memory

if TYPE_CHECKING:
    from collections.abc import Collection

    from modelgen.resolve import Resolved

_HEAD = ("PROFILE", "GPU", "TOGETHER", "RESERVED", "LEFT", "OUTSIDE THE LIMIT")


def print_profiles(resolved: Resolved, shown: Collection[str]) -> None:
    """Print the profiles with a model that is shown: what they reserve of a GPU, and what is left."""
    rows = [_HEAD, *_rows(resolved, shown)]
    if len(rows) == 1:
        return
    widths = [max(len(cells[column]) for cells in rows) for column in range(len(_HEAD))]
    click.echo()
    width = width_of(sys.stdout)
    if width is not None and sum(widths) + 2 * len(widths) - 2 > width:
        for profile, gpu, together, *sizes in rows[1:]:
            named = ", ".join(f"{head.lower()} {size}" for head, size in zip(_HEAD[3:], sizes, strict=True))
            click.echo(fill(f"{profile} on {gpu}: {together}; {named}", width, "    "))
        return
    for cells in rows:
        click.echo("".join(f"{cell:<{size}}  " for cell, size in zip(cells, widths, strict=True)).rstrip())


def _rows(resolved: Resolved, shown: Collection[str]) -> list[tuple[str, ...]]:
    kept = [name for name, run in resolved.runs.items() if run.model.keep_loaded]
    rows = []
    for profile, table in (resolved.document.config.profiles or {}).items():
        together = [name for name in dict.fromkeys((*table.models, *kept)) if name in resolved.runs]
        if not {*shown} & {*table.models}:
            continue
        taken: dict[str, dict[str, int]] = {}
        for name in together:
            model = resolved.runs[name].model
            cards = {gpu: resolved.cards[gpu] for gpu in model.gpus or () if gpu in resolved.cards}
            for gpu, size in fit.reservations(cards, model.gpu_memory).items():
                taken.setdefault(gpu, {})[name] = size
        for gpu, parts in taken.items():
            card, reserved = resolved.cards[gpu], sum(parts.values())
            left, outside = fit.budget(card) - reserved, card.memory - fit.budget(card)
            rows.append((profile, gpu, " + ".join(parts), *map(of_memory, (reserved, max(0, left), outside))))
    return rows
