"""The records of all models, and the basic changes to them."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from modelgen_runtime.engines.admission import Admission
from modelgen_runtime.scheduling.scheduler import Policy
from modelgen_runtime.scheduling.standing import State
from modelgen_runtime.state import switches
from modelgen_runtime.state.lifecycle import Action, LifecycleEvent
from modelgen_runtime.state.record import Record

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from modelgen_runtime.engines.admission import RefusedError
    from modelgen_runtime.manifest import Manifest, Model


class Books:
    """All models.

    Args:
        manifest: The manifest.
        clock: A monotonic clock, in seconds.
        poke: Called when the end of a request may change the plan.
        report: Called with each lifecycle event.
    """

    def __init__(
        self,
        manifest: Manifest,
        clock: Callable[[], float],
        poke: Callable[[], None],
        report: Callable[[LifecycleEvent], None],
    ) -> None:
        self._clock, self._poke, self._report = clock, poke, report
        self._is_contended, self._is_shut, self._last = False, False, 0.0
        self._actions: list[Action] = []
        self.manifest = manifest
        self.records = {model.id: self._make(model) for model in manifest.models}

    @property
    def policy(self) -> Policy:
        """The limits and settings for the scheduler."""
        settings = self.manifest.settings
        limits = {gpu.name: gpu.limit for gpu in self.manifest.gpus}
        return Policy(limits, settings.min_loaded_time, settings.prioritize_after)

    def shortage(self, models: Iterable[str]) -> dict[str, int]:
        """Return the bytes by GPU that models lack to be loaded together; empty if they fit."""
        need: dict[str, int] = {}
        for id_ in models:
            for gpu, size in self.records[id_].model.reservations.items():
                need[gpu] = need.get(gpu, 0) + size
        limits = self.policy.limits
        return {gpu: size - limits.get(gpu, 0) for gpu, size in need.items() if size > limits.get(gpu, 0)}

    def wanted(self) -> list[str]:
        """Return the models that should run, which the next orchestrator resumes."""
        return sorted(id_ for id_, record in self.records.items() if record.is_wanted)

    def _stamp(self) -> float:
        """Return a time that is later than all returned before, so that the order of requests is unambiguous."""
        self._last = max(self._clock(), math.nextafter(self._last, math.inf))
        return self._last

    def _make(self, model: Model) -> Record:
        return Record(Admission(model, on_leave=self._note_leave), model)

    def _note_leave(self, admission: Admission) -> None:
        admission.used = self._clock()
        if admission.endpoint is None or admission.queued or (self._is_contended and not admission.leases):
            self._poke()

    def _enter(self, record: Record, state: State, detail: str | None = None, *, seconds: float | None = None) -> None:
        record.state = state
        self._emit(state, record, detail, seconds)

    def _emit(self, kind: str, record: Record, detail: str | None = None, seconds: float | None = None) -> None:
        self._report(LifecycleEvent(kind, record.model.id, detail, seconds))

    def _settle(self, record: Record) -> None:
        """Apply what had to wait until the engine stopped."""
        record.is_dismissed = False
        record.notify_stopped(None)
        if record.is_removed:
            del self.records[record.model.id]
        record.replace(self._clock())

    def _refuse_all(self, record: Record, refusal: RefusedError) -> None:
        """Refuse all requests for a model that cannot start, and restore what was evicted for it."""
        record.unwant()
        self._abandon(record, refusal)
        record.refuse_line(refusal)
        displaced, record.displaced = record.displaced, []
        switches.restore(displaced, self.records, self._clock())

    def _abandon(self, record: Record, refusal: RefusedError) -> None:
        for order in [*record.orders]:
            switches.abandon(order, self.records, refusal, self._clock())

    def _bring_back(self, record: Record) -> None:
        """Request a model that ran before it was leased, once it has no hold and its container exists."""
        if record.holds.resumes and not record.is_held and record.state is not State.ABSENT:
            record.holds.resumes = False
            record.want(self._clock(), without_eviction=True)
