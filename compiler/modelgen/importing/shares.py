"""Import the shares of GPUs, and which models are loaded together."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from modelgen.engines.host.cards import find_known
from modelgen.importing.tables import PLACEHOLDER

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from modelgen.importing.tables import Device, Table

LIMIT = 0.95
_STEPS = 10_000
_LEAST_PERCENT = 5


def set_share(table: Table, card: str | None) -> set[str]:
    """Set the share of the GPUs that a model takes, as its engine's flag or default says; return the flags that say it.

    Args:
        table: The model's table.
        card: The product name of the GPUs; None if it is not known.
    """
    lifted = table.lifted
    line, engine, version = lifted.server.engine.line, lifted.server.engine, lifted.server.version
    if line is None or not table.devices:
        return {line.share} if line and line.share in engine.owned_args else set()
    entry = lifted.line.entries.get(line.share) if line.share else None
    written = _number(entry.value) if entry else None
    if entry is not None and written is None and (share := _percentage(entry.value)):
        table.share = share
        table.put("gpu_memory", share, f"was: {entry.value}, which is no share of a GPU")
        return {line.share}
    if written is not None and engine.static_share == line.share:
        return _set_static(table, card, written)
    if written is not None:
        table.share = written
        table.put("gpu_memory", written)
        return {line.share}
    if entry is None and (default := line.default_share(version)):
        table.share = default
        title = f"{engine.title} {version.text}" if version else engine.title
        table.put("gpu_memory", default, f"the default of {title}")
    elif entry is None and line.share and engine.static_share == line.share:
        table.left_out[f"--{line.share}, which is not written"] = (
            f"{engine.title} chooses it by the GPU's memory; here it follows from `gpu_memory`"
        )
    return set()


def _set_static(table: Table, card: str | None, written: float) -> set[str]:
    """Set the reservation whose share for weights and KV cache is the written one, by the arithmetic of the release."""
    server = table.lifted.server
    known = find_known(card) if card else ()
    pools, version = server.engine.pools, server.version
    if len(known) != 1 or pools is None or version is None:
        table.comments["args", server.engine.static_share] = "the share for weights and KV cache alone"
        return set()
    memory = known[0].mebibytes * 2**20
    args = {name: one.value for name, one in table.lifted.line.entries.items() if name != server.engine.static_share}
    low, high = 1, _STEPS
    while low < high:
        middle = (low + high) // 2
        found = pools(version, ((memory, memory * middle // _STEPS),) * len(table.devices), args)
        static = 0.0 if isinstance(found, str) else found.static
        low, high = (low, middle) if static >= written else (middle + 1, high)
    if low >= _STEPS:
        table.comments["args", server.engine.static_share] = "the share for weights and KV cache alone"
        return set()
    table.share = low / _STEPS
    was = f"was: --{server.engine.static_share} {written:g}, without what the release needs beside"
    table.put("gpu_memory", table.share, was)
    return {server.engine.static_share}


def set_rest(tables: Sequence[Table]) -> None:
    """Set the shares of programs that start beside models with shares: what these leave, as the file does not say."""
    programs = [table for table in tables if table.lifted.server.engine.line is None and table.devices]
    for table in programs:
        beside = [one for one in tables if one is not table and _start_together(one, table)]
        left = LIMIT - max(sums([one for one in beside if one.share is not None]).values(), default=0.0)
        found = round(left / (1 + sum(one in programs for one in beside)), 2)
        if any(one.share is not None for one in beside) and found > 0:
            table.put("gpu_memory", found, f"{PLACEHOLDER}what the other models leave")
    for table in programs:
        table.share = table.keys.get("gpu_memory")


def _start_together(one: Table, other: Table) -> bool:
    """Return whether two models start together on a GPU."""
    profiles = [{profile.text for profile in table.lifted.server.service.profiles} for table in (one, other)]
    return bool({*one.devices} & {*other.devices}) and (not all(profiles) or bool(profiles[0] & profiles[1]))


def _number(value: Any, most: float = 1) -> float | None:  # noqa: ANN401
    try:
        found = float(str(value))
    except ValueError:
        return None
    return found if 0 < found <= most else None


def _percentage(value: Any) -> float | None:  # noqa: ANN401
    """Return the share that a percentage means."""
    found = _number(value, 100)
    return round(found / 100, 4) if found is not None and found >= _LEAST_PERCENT else None


def share(table: Table) -> float:
    """Return the share of its GPUs that a model takes: all that the limit allows if it does not say."""
    return LIMIT if table.share is None else table.share


def sums(tables: Sequence[Table]) -> Mapping[Device, float]:
    """Return the shares of models that are loaded together, by GPU; without one, all, and `auto` takes what is left."""
    found: dict[Device, float] = {}
    for table in tables:
        for device in table.devices:
            is_divided = table.keys.get("gpu_memory") == "auto"
            found[device] = found.get(device, 0) + (0 if is_divided else share(table))
    return {device: round(total, 6) for device, total in found.items()}


def fit_together(tables: Sequence[Table]) -> bool:
    """Return whether models fit on their GPUs together."""
    return all(total <= 1 for total in sums(tables).values())
