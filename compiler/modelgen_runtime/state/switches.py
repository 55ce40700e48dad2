"""Switches: models to load together, and the restore of evicted models if one of them fails."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from modelgen_runtime.scheduling.standing import State
from modelgen_runtime.state import refusals

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from modelgen_runtime.engines.admission import RefusedError
    from modelgen_runtime.state.orders import Order
    from modelgen_runtime.state.record import Record


def begin(order: Order, records: Mapping[str, Record], shortage: Mapping[str, int], limits: Mapping[str, int]) -> None:
    """Begin a switch, or refuse it; earlier switches that conflict with it end."""
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
        if record.state is State.ABSENT:  # nothing is evicted for a model that cannot start
            return refusals.absent(record.model.id)
    return refusals.too_large(shortage) if shortage else None


def _contradict(earlier: Order, later: Order, records: Mapping[str, Record], limits: Mapping[str, int]) -> bool:
    """Return whether the models of two switches do not fit together."""
    models = [records[id_].model for id_ in {*earlier.models, *later.models} if id_ in records]
    return any(sum(model.reservations.get(gpu, 0) for model in models) > limit for gpu, limit in limits.items())


def _supersede(earlier: Order, later: Order, records: Mapping[str, Record]) -> None:
    """End a switch that conflicts with a later one: cancel its loads, and queue its requests behind the later one."""
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
    """Withdraw a switch whose caller has left. Models that already load continue while their GPUs are not needed."""
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
    """Note that a model is ready, and complete the switches that waited only for it."""
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
    """End a switch that failed: stop what it started, and restore what it displaced."""
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
    """Request models that ran before, without evictions."""
    for id_ in displaced:
        record = records.get(id_)
        if record is not None and not record.holds_memory:
            record.want(now, without_eviction=True)


def cancel_restores(starting: Record, records: Iterable[Record]) -> None:
    """Cancel the restore of models that need the GPUs of a model that starts now."""
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
    """Remove a switch from its models, and return them."""
    order.open.clear()
    members = [records[id_] for id_ in order.models if id_ in records]
    for record in members:
        if order in record.orders:
            record.orders.remove(order)
    return members
