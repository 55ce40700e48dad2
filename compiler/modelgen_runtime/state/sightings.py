"""Changes to engines by others, found by polling: containers that were removed, recreated, or started by hand."""

from __future__ import annotations

from typing import TYPE_CHECKING

from modelgen_runtime.scheduling.standing import State
from modelgen_runtime.state import refusals
from modelgen_runtime.state.books import Books
from modelgen_runtime.state.lifecycle import Action

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping


class Sightings(Books):
    """The part of the board that applies changes made by others."""

    def note_absent(self, absent: Collection[str]) -> None:
        """Note which models have no container. One that has a container again may be started at once."""
        for id_, record in self.records.items():
            if id_ in absent and record.state in (State.STOPPED, State.FAILED):
                record.checked_until = 0.0
                self._enter(record, State.ABSENT)
                self._refuse_all(record, refusals.absent(id_))
            elif id_ not in absent and record.state is State.ABSENT:
                record.failure, record.failures, record.not_before = None, 0, 0.0
                self._enter(record, State.STOPPED)
                self._bring_back(record)

    def note_unexpected(self, model: str) -> None:
        """Adopt an engine that was started by hand if it fits, else stop it."""
        record, cards = self.records[model], self.records[model].model.reservations
        if record.holds_memory:
            return
        others = [one for one in self.records.values() if one.holds_memory]
        is_moving = any(one.standing.in_transition and one.model.reservations.keys() & cards for one in others)
        reserved = {gpu: sum(one.model.reservations.get(gpu, 0) for one in others) for gpu in cards}
        fits = all(reserved[gpu] + size <= self.policy.limits[gpu] for gpu, size in cards.items())
        if fits and not is_moving and not record.is_held:
            record.began = self._clock()
            record.want(record.began)
            self._enter(record, State.STARTING, "it was started from outside")
            self._actions.append(Action("start", record.model))
        else:
            record.close(State.STOPPING)
            reason = "it is held" if record.is_held else "its GPU memory is in use"
            self._enter(record, State.STOPPING, f"it was started from outside, and {reason}")
            self._actions.append(Action("stop", record.model))

    def note_containers(self, containers: Mapping[str, str]) -> None:
        """Forget the failures of containers that were replaced, so that the new ones may start at once."""
        for id_, container in containers.items():
            record = self.records.get(id_)
            failed = None if record is None or record.failure is None else record.failure.container
            if record is not None and failed not in (None, container):
                record.failure, record.failures, record.not_before = None, 0, 0.0
                if record.state is State.FAILED:
                    self._enter(record, State.STOPPED, "its container was recreated")
