"""Switches: models that somebody asked to be resident together, and the way back where one of them does not start."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from modelgen_runtime import refusals
from modelgen_runtime.standing import State

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from modelgen_runtime.admission import RefusedError
    from modelgen_runtime.orders import Order
    from modelgen_runtime.record import Record


def begin(order: Order, records: Mapping[str, Record], shortage: Mapping[str, int], limits: Mapping[str, int]) -> None:
    """Ask for the models of a switch, unless it can come to nothing; those that it contradicts end."""
    members = [records[id_] for id_ in order.models]
    if (refusal := _why_not(members, shortage, order.since)) is not None:
        order.done(refusal)
        return
    for earlier in {id(one): one for record in records.values() for one in record.orders}.values():
        if _contradict(earlier, order, records, limits):
            _supersede(earlier, order, records)
    order.started = frozenset(record.model.id for record in members if record.state is not State.READY)
    order.open = set(order.started)
    for record in members:
        record.is_dismissed = False
        if record.state is not State.READY:
            record.want(order.since)
        if order.open:
            record.orders.append(order)
    if not order.open:
        order.done(None)


def _why_not(members: Iterable[Record], shortage: Mapping[str, int], now: float) -> RefusedError | None:
    for record in members:
        if record.is_removed:
            return refusals.gone(record.model.id)
        if record.is_held:
            return refusals.held(record, now)
        if record.state is State.ABSENT:  # nobody is sent away for what cannot start
            return refusals.absent(record.model.id)
    return refusals.too_large(shortage) if shortage else None


def _contradict(earlier: Order, later: Order, records: Mapping[str, Record], limits: Mapping[str, int]) -> bool:
    """Return whether two switches cannot both be complete."""
    models = [records[id_].model for id_ in {*earlier.models, *later.models} if id_ in records]
    return any(sum(model.reservations.get(gpu, 0) for model in models) > limit for gpu, limit in limits.items())


def _supersede(earlier: Order, later: Order, records: Mapping[str, Record]) -> None:
    """End a switch that a later one contradicts: its loads are given up, and its requests go behind."""
    members, cards = _leave(earlier, records), {gpu for id_ in later.models for gpu in records[id_].model.reservations}
    for record in members:
        if record.orders or record.model.id in later.models:
            continue
        if not record.standing.is_open:
            record.unwant()
        if record.state is State.STARTING and record.model.reservations.keys() & cards:
            record.is_dismissed = True
        for ticket in record.line:
            ticket.since = max(ticket.since, math.nextafter(later.since, math.inf))
        records[later.models[0]].displaced += record.displaced
        record.displaced.clear()
    earlier.done(refusals.superseded(", ".join(earlier.models), later.models))


def withdraw(order: Order, records: Mapping[str, Record], now: float) -> None:
    """Take back a switch whose caller has left: what already loads continues as long as its GPUs are not needed."""
    if not order.open:
        return
    for record in _leave(order, records):
        if record.orders or record.standing.is_open or record.state is State.STARTING:
            continue
        record.unwant()
        if not record.line:
            displaced, record.displaced = record.displaced, []
            restore(displaced, records, now)


def note_ready(record: Record, records: Mapping[str, Record]) -> None:
    """Tell the switches of a model that it is ready, and complete those whose last one it was."""
    record.asked, record.without_eviction, record.is_resident = None, False, True
    for order in [*record.orders]:
        order.open.discard(record.model.id)
        if not order.open:
            for member in _leave(order, records):
                member.displaced.clear()
            order.done(None)
    if not record.orders:
        record.displaced.clear()


def abandon(order: Order, records: Mapping[str, Record], refusal: RefusedError, now: float) -> None:
    """End a switch that comes to nothing: what it displaced comes back, and what it has started makes room for that."""
    members = _leave(order, records)
    displaced = [id_ for member in members for id_ in member.displaced]
    for member in members:
        if member.orders:
            continue
        if member.asked is not None and not member.line:
            member.unwant()
        if displaced and member.model.id in order.started and member.holds_memory:
            member.is_dismissed = True
        member.displaced.clear()
    restore(displaced, records, now)
    order.done(refusal)


def restore(displaced: Iterable[str], records: Mapping[str, Record], now: float) -> None:
    """Ask for models that ran before, as far as nothing has to leave for them."""
    for id_ in displaced:
        record = records.get(id_)
        if record is not None and not record.holds_memory:
            record.want(now, without_eviction=True)


def cancel_restores(starting: Record, records: Iterable[Record]) -> None:
    """Restore no more what has just lost its card to somebody else."""
    if starting.without_eviction and not starting.line:
        return
    for record in records:
        if (
            record.without_eviction
            and record is not starting
            and record.model.reservations.keys() & starting.model.reservations.keys()
        ):
            record.asked, record.without_eviction = None, False


def _leave(order: Order, records: Mapping[str, Record]) -> list[Record]:
    """Take a switch out of the books, and return its models."""
    order.open.clear()
    members = [records[id_] for id_ in order.models if id_ in records]
    for record in members:
        if order in record.orders:
            record.orders.remove(order)
    return members
