"""Print estimates of `modelgen fit`: as a table, and as sums."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import click

from modelgen.cli.configuration.fit_refusals import Refused
from modelgen.cli.terminal import fill, row, width_of
from modelgen.fit.gguf.cache import GgufCache
from modelgen.fit.pools import PoolCache
from modelgen.sizes import of_estimate, of_memory, of_range

if TYPE_CHECKING:
    from collections.abc import Mapping

    from modelgen.cli.configuration.fit_changes import Changes
    from modelgen.fit.alternatives import Alternative
    from modelgen.fit.amounts import Amount, Line
    from modelgen.fit.estimate import Estimate
    from modelgen.resolve import Card, Resolved

_HEAD = ("MODEL", "GPU", "RESERVED", "WEIGHTS", "KV CACHE", "TOKENS", "REQUESTS", "")


def print_table(resolved: Resolved, found: Mapping[str, Estimate | str], changes: Changes) -> None:
    """Print a row for each model, and what profiles leave of each GPU."""
    rows = [_HEAD, *(_row(resolved, name, one, changes) for name, one in found.items())]
    widths = [max(len(cells[column]) for cells in rows) for column in range(len(_HEAD) - 1)]
    width = width_of(sys.stdout)
    for *cells, verdict in rows:
        padded = "".join(f"{cell:<{size}}  " for cell, size in zip(cells, widths, strict=True))
        click.echo(row(padded, verdict, width))
    if changes.card is None:
        from modelgen.cli.configuration.fit_profiles import print_profiles

        print_profiles(resolved, found)
    _print_help(resolved, found, changes)


def _row(resolved: Resolved, name: str, one: Estimate | str, changes: Changes) -> tuple[str, ...]:
    gpus = _gpus(resolved, name, changes)
    if isinstance(one, str):
        reserved = "" if changes.card else _reserved(resolved, name)
        return (name, gpus, reserved, "", "", "", "", _reason(one))
    return (
        name,
        gpus,
        _gib(one.start.memory * one.start.share),
        _gib(one.lines[1].amount.value),
        *("-" * 3 if one.keeps_nothing else (_from_to(one.room), f"{one.tokens()[1]:,}", f"{one.requests:.1f}")),
        verdict_of(one),
    )


def _gpus(resolved: Resolved, name: str, changes: Changes) -> str:
    """Return the GPUs of a model, with the number that --tp asks for if the file has another."""
    written = resolved.runs[name].model.gpus or ()
    gpus, number = changes.card.name if changes.card else ", ".join(written), changes.args.get("tensor-parallel-size")
    return gpus if number in (None, len(written)) or not gpus else f"{number} × {gpus}"


def _reason(one: str) -> str:
    return f"{verdict_without(one)}: {one}"


def verdict_without(one: str) -> str:
    """Return the verdict of a model without an estimate."""
    return "refused" if isinstance(one, Refused) else "cannot estimate"


def cards_of(resolved: Resolved, name: str) -> dict[str, Card]:
    """Return the GPUs of a model whose memory is known, by name."""
    gpus = resolved.runs[name].model.gpus or ()
    return {gpu: resolved.cards[gpu] for gpu in gpus if gpu in resolved.cards}


def _reserved(resolved: Resolved, name: str) -> str:
    """Return what a model reserves on each of its GPUs; empty without one."""
    from modelgen import fit

    table = resolved.runs[name].model
    sizes = {_gib(size) for size in fit.reservations(cards_of(resolved, name), table.gpu_memory).values()}
    return " / ".join(sorted(sizes))


def verdict_of(one: Estimate) -> str:
    """Return the verdict as a sentence, with the longest request that fits for certain."""
    if one.verdict == "fits":
        length = one.start.length
        return f"fits {length:,} token{'' if length == 1 else 's'}" + ": needs no KV cache" * one.keeps_nothing
    if one.room.high <= 0:
        return "does not fit: there is no room for a KV cache"
    start = "tight" if one.verdict == "tight" else "does not fit"
    verb = "may not fit" if one.verdict == "tight" else "need more"
    return f"{start}: {one.start.length:,} tokens {verb}" + (f", {one.longest:,} fit" if one.longest else "")


def _print_help(resolved: Resolved, found: Mapping[str, Estimate | str], changes: Changes) -> None:
    """Print which flags help a model that is tight or does not fit."""
    for name, one in found.items():
        if isinstance(one, str) or one.verdict == "fits":
            continue
        engine = resolved.runs[name].engine
        choices = [f"`{engine.length} = {one.longest}`"] if one.longest and engine else []
        choices += map(str, helps(resolved, name, one, changes))
        text = f"write {', or '.join(choices)}" if choices else _way_out(resolved, name, changes)
        click.echo(fill(f"{name}: {text}", width_of(sys.stdout), "  "))


def _way_out(resolved: Resolved, name: str, changes: Changes) -> str:
    from modelgen import fit

    memory = resolved.runs[name].model.gpu_memory
    if changes.card or fit.takes_all(cards_of(resolved, name), memory):
        return "take a smaller or quantized model, a larger GPU, or more of them"
    return "write a larger `gpu_memory`, or take a smaller or quantized model"


def helps(resolved: Resolved, name: str, one: Estimate, changes: Changes) -> list[Alternative]:
    """Return the changes of flags that make room in a model that is tight or does not fit."""
    from modelgen.fit.alternatives import alternatives

    if one.verdict == "fits":
        return []
    cards = [changes.card] if changes.card else cards_of(resolved, name).values()
    return alternatives(one, resolved.runs[name], next((card.capability for card in cards), None))


def print_sums(resolved: Resolved, found: Mapping[str, Estimate | str], changes: Changes) -> None:
    """Print the calculation for each model, as one would check it by hand."""
    blocks = []
    for name, one in found.items():
        gpus = _gpus(resolved, name, changes)
        head = f"{name} on {gpus}" if gpus else name
        if isinstance(one, str):
            blocks.append(f"{head}: {_reason(one)}")
            continue
        width = width_of(sys.stdout)
        lines = [row(f"  {name:<17}{amount:>24}  ", how, width) for name, amount, how in _sum(one)]
        blocks.append("\n".join([f"{head}: {verdict_of(one)}", *lines]))
    click.echo("\n\n".join(blocks))


def _sum(one: Estimate) -> list[tuple[str, str, str]]:
    """Return the lines of a sum: name, amount, how."""
    first, *others = one.lines
    return [
        (first.name, _with_error(first.amount), first.how),
        *((f"- {line.name}", _with_error(line.amount), _how(line)) for line in others),
        (
            "= left" if one.keeps_nothing else "= KV cache",
            _with_error(one.room),
            f"{_gib(one.room.low)} to {_gib(one.room.high)}",
        ),
        *_sum_of_cache(one),
    ]


def _sum_of_cache(one: Estimate) -> list[tuple[str, str, str]]:
    cache, length = one.cache, one.start.length
    if one.keeps_nothing:
        return [("one request", "-", "needs no KV cache")]
    if isinstance(cache, GgufCache):
        shared = "shared by" if cache.serving.shares else "divided among"
        slots = f", {shared} {cache.serving.sequences} slots" if cache.serving.sequences > 1 else ""
        return [("whole context", _gib(cache.of_request), f"{length:,} tokens{slots}")]
    low, value, high = one.tokens()
    if isinstance(cache, PoolCache):
        how = f"{length:,} tokens of {cache.token:,} bytes"
    else:
        groups = f"{cache.groups} groups of layers, " if cache.groups > 1 else ""
        blocks = f"{cache.request:,} blocks of {cache.block:,} bytes"
        how = f"{length:,} tokens: {groups}{blocks}, {cache.size} tokens each"
    return [
        ("one request", _gib(cache.of_request), how),
        ("tokens", f"{cache.tokens(one.room.value):,}", f"in requests of {length:,} tokens"),
        ("printed tokens", f"{value:,}", f"{low:,} to {high:,}: `GPU KV cache size` in the log of this release"),
        ("requests at once", f"{one.requests:.1f}", f"of {length:,} tokens{_limit(one)}"),
    ]


def _limit(one: Estimate) -> str:
    is_limited = one.at_once is not None and one.requests < one.cache.concurrency(one.room.value)
    return f"; the engine runs no more than {one.at_once:,} sequences at once" if is_limited else ""


def _how(line: Line) -> str:
    return f"{line.how} (models.lock)" if line.source == "lock" else line.how


def _gib(size: float) -> str:
    return of_memory(size) if size > 0 else "0 GiB" if size == 0 else f"-{of_memory(-size)}"


def _with_error(amount: Amount) -> str:
    if amount.low == amount.high:
        return _gib(amount.value)
    return of_estimate(amount.value, amount.value - amount.low, amount.high - amount.value)


def _from_to(amount: Amount) -> str:
    """Return the least and the most, of which the least decides whether a request fits."""
    is_exact = amount.low == amount.high
    if amount.high <= 0:
        return "none"
    return _gib(amount.value) if is_exact else of_range(max(0, amount.low), max(0, amount.high))
