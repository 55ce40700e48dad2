"""Decide what to do next. Pure: the state of all models and the time in, a plan out.

The plan is computed after every event and has no memory: a model that drained for a request that was withdrawn is
opened again.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from modelgen_runtime.scheduling import eviction
from modelgen_runtime.scheduling.standing import Standing, State

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping


@dataclass(frozen=True, slots=True)
class Policy:
    """Limits and settings. Durations are in seconds, None for no limit.

    Args:
        limits: Bytes that may be reserved, by GPU.
        min_loaded_time: How long a busy model is protected from eviction after it became ready.
        prioritize_after: How long a request waits before `min_loaded_time` no longer protects other models from it.
    """

    limits: Mapping[str, int]
    min_loaded_time: float | None = None
    prioritize_after: float | None = None


@dataclass(slots=True)
class Plan:
    """The actions to take now.

    Args:
        start: Models to start.
        stop: Models to stop, with the model that each is evicted for, or None.
        drain: Models to drain, likewise.
        open: Draining models to open again.
        check: Models to check before others are evicted for them.
        wake: Time at which to plan again even without an event.
    """

    start: list[str] = field(default_factory=list)
    stop: dict[str, str | None] = field(default_factory=dict)
    drain: dict[str, str | None] = field(default_factory=dict)
    open: list[str] = field(default_factory=list)
    check: list[str] = field(default_factory=list)
    wake: float = math.inf


def decide(standings: Iterable[Standing], policy: Policy, now: float) -> Plan:
    """Return the plan.

    The longest waiting model comes first. Later ones overtake it only on GPUs that it does not need.
    """
    planner = _Planner({standing.id: standing for standing in standings}, policy, now)
    for standing in planner.standings.values():
        planner.retire(standing)
    planner.shrink()
    for standing in sorted(planner.standings.values(), key=_rank):
        if standing.line is not None and not standing.leaves:
            planner.serve(standing)
    planner.settle()
    return planner.plan


def _rank(standing: Standing) -> tuple[bool, float, int, str]:
    """Order models by waiting time; within a switch, the largest first."""
    return (
        standing.without_eviction and standing.since is None,
        standing.line or 0.0,
        -sum(standing.reservations.values()),
        standing.id,
    )


class _Planner:
    """One round of decisions."""

    def __init__(self, standings: dict[str, Standing], policy: Policy, now: float) -> None:
        self.standings, self._policy, self._now = standings, policy, now
        self.plan = Plan()
        self._moving = {gpu for one in standings.values() if one.in_transition for gpu in one.reservations}
        self._taken: set[str] = set()
        """GPUs that an earlier request needs."""
        self._leaving: dict[str, str | None] = {}
        """Models to evict, with the model that each is evicted for."""

    def retire(self, standing: Standing) -> None:
        """Evict a model that is held, removed from the manifest, or idle for longer than its timeout."""
        if standing.leaves and (standing.is_open or standing.state is State.STARTING):
            self._leaving[standing.id] = None
        elif standing.idle_timeout is not None and standing.is_open:
            due = (self._now if standing.is_busy else standing.used) + standing.idle_timeout
            if due <= self._now and standing.kept is None:
                self._leaving[standing.id] = None
            else:
                self._wake(due)

    def shrink(self) -> None:
        """Evict models if a reloaded manifest lowered the limit of a GPU below what is reserved."""
        over = {gpu: self._reserved(gpu) - limit for gpu, limit in self._policy.limits.items()}
        if any(size > 0 for size in over.values()):
            for victim in eviction.choose(over, self._evictable(None)) or ():
                self._leaving[victim.id] = None

    def serve(self, standing: Standing) -> None:
        """Start a requested model, or make room for it."""
        if standing.state is State.STOPPING:  # it starts again, and keeps its GPUs until then
            self._taken |= standing.reservations.keys()
        if standing.holds_memory:
            return
        if (standing.asked is None or standing.without_eviction) and standing.not_before > self._now:
            self._wake(standing.not_before)
            return
        cards = standing.reservations.keys()
        is_next = not cards & self._taken
        need = {
            gpu: self._reserved(gpu) + size - self._policy.limits[gpu] for gpu, size in standing.reservations.items()
        }
        if is_next and any(size > 0 for size in need.values()):
            if standing.without_eviction and standing.since is None:
                return
            for victim in eviction.choose(need, self._evictable(standing)) or ():
                self._leaving.setdefault(victim.id, standing.id)
        elif is_next and not cards & self._moving and self._fits_now(standing):
            self.plan.start.append(standing.id)
            self._moving |= cards
        self._taken |= cards

    def settle(self) -> None:
        """Stop and drain the models to evict, and open draining models that may stay."""
        for standing in self.standings.values():
            if standing.id in self._leaving:
                self._dismiss(standing, self._leaving[standing.id])
            elif standing.is_draining:
                self.plan.open.append(standing.id)

    def _dismiss(self, standing: Standing, cause: str | None) -> None:
        if cause is not None and self._has_to_be_checked(standing, self.standings[cause]):
            if cause not in self.plan.check:
                self.plan.check.append(cause)
            return
        is_over = standing.running == 0 or (standing.is_draining and standing.drain_until <= self._now)
        # A starting model is itself the transition of its GPUs.
        if is_over and (standing.state is State.STARTING or not standing.reservations.keys() & self._moving):
            self.plan.stop[standing.id] = cause
            self._moving |= standing.reservations.keys()
        elif standing.state is State.READY:
            self.plan.drain[standing.id] = cause
        elif standing.is_draining and not is_over:
            self._wake(standing.drain_until)

    def _has_to_be_checked(self, standing: Standing, taker: Standing) -> bool:
        """Return whether the taker has to be checked: before a model drains for it, and again before that one stops."""
        is_at_rest = standing.is_draining and standing.running > 0 and standing.drain_until > self._now
        return not is_at_rest and taker.checked_until <= self._now

    def _reserved(self, gpu: str) -> int:
        """Return the reserved bytes of a GPU once all models to evict have stopped."""
        return sum(
            one.reservations.get(gpu, 0)
            for one in self.standings.values()
            if one.holds_memory and one.state is not State.STOPPING and one.id not in self._leaving
        ) + sum(self.standings[id_].reservations.get(gpu, 0) for id_ in self.plan.start)

    def _fits_now(self, standing: Standing) -> bool:
        held = [one for one in self.standings.values() if one.holds_memory]
        held += [self.standings[id_] for id_ in self.plan.start]
        return all(
            sum(one.reservations.get(gpu, 0) for one in held) + size <= self._policy.limits[gpu]
            for gpu, size in standing.reservations.items()
        )

    def _evictable(self, taker: Standing | None) -> list[Standing]:
        found = []
        for one in self.standings.values():
            is_in_vain = one.state is State.STARTING and not one.is_awaited and (taker is None or taker.is_awaited)
            may_leave = (one.is_open or is_in_vain) and not (one.keep_loaded and taker is not None)
            if may_leave and one.reservations and one.id not in self._leaving and not self._came_before(one, taker):
                protected = self._protected_until(one, taker)
                if protected > self._now:
                    self._wake(protected)
                else:
                    found.append(one)
        return found

    def _came_before(self, standing: Standing, taker: Standing | None) -> bool:
        """Return whether a model has a switch or requests that are older than the taker's.

        So requests A B A B are served as A A B B, and the first of two switches is completed.
        """
        if taker is None or taker.line is None:
            return False
        return any(time is not None and time <= taker.line for time in (standing.kept, standing.since))

    def _protected_until(self, standing: Standing, taker: Standing | None) -> float:
        """Return the time until which `min_loaded_time` protects a model. It does not apply to switches."""
        if self._policy.min_loaded_time is None or not standing.is_busy or taker is None or taker.asked is not None:
            return 0.0
        until = standing.ready_at + self._policy.min_loaded_time
        if self._policy.prioritize_after is not None and taker.since is not None:
            until = min(until, taker.since + self._policy.prioritize_after)
        return until

    def _wake(self, time: float) -> None:
        if time > self._now:
            self.plan.wake = min(self.plan.wake, time)
