"""Find engines that hang: requests wait, no data arrives, and probes get no answer.

A busy engine must never be taken for a hung one. So it is not probed while any data arrives, one probe may take longer
than the slowest known health check (SGLang's takes up to 20 s under load), any answer at all counts as life, and only
several misses in a row count as a hang.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING

from modelgen_runtime.engines.probing import ProbeError, ask

if TYPE_CHECKING:
    from collections.abc import Callable

    from modelgen_runtime.drivers.driver import Endpoint
    from modelgen_runtime.state.board import Board
    from modelgen_runtime.state.record import Record


@dataclass(frozen=True, slots=True)
class Patience:
    """Time limits in seconds.

    Args:
        quiet: Time without data for pending requests, after which the engine is probed.
        answer: Limit for the answer to a probe.
        pause: Pause between two probes.
        misses: Number of failed probes in a row after which the engine counts as hung.
    """

    quiet: float = 30.0
    answer: float = 30.0
    pause: float = 10.0
    misses: int = 3


class Liveness:
    """Watches the engines of a board.

    Args:
        board: The board to read.
        restart: Called with the id of a model, the endpoint of its hung engine, and the reason.
        patience: Time limits.
    """

    def __init__(
        self, board: Board, restart: Callable[[str, Endpoint, str], None], patience: Patience | None = None
    ) -> None:
        self._board, self._restart, self._patience = board, restart, patience or Patience()
        self._loop = asyncio.get_running_loop()
        self._silent_since: dict[str, tuple[str, float, float]] = {}
        """By model: generation, time of the last data, and since when that has not changed."""
        self._asking: dict[str, asyncio.Task[None]] = {}

    async def watch(self) -> None:
        """Watch all engines until cancelled."""
        try:
            while True:
                await asyncio.sleep(self._patience.quiet / 10)
                for record in [*self._board.records.values()]:
                    self._look(record)
        finally:
            for task in self._asking.values():
                task.cancel()

    def _look(self, record: Record) -> None:
        id_, now = record.model.id, self._loop.time()
        if not _is_waited_for(record) or record.endpoint is None:
            self._silent_since.pop(id_, None)
            return
        state = (record.endpoint.generation, record.admission.last_data)
        before = self._silent_since.get(id_)
        if before is None or before[:2] != state:
            self._silent_since[id_] = (*state, now)
        elif now - before[2] >= self._patience.quiet and id_ not in self._asking:
            task = self._asking[id_] = self._loop.create_task(self._ask(record, record.endpoint), name=f"ask {id_}")
            task.add_done_callback(lambda _: self._asking.pop(id_, None))

    async def _ask(self, record: Record, endpoint: Endpoint) -> None:
        """Probe an engine until it answers or counts as hung."""
        path, last_data, misses, said = record.model.readiness.path, record.admission.last_data, 0, ""
        while misses < self._patience.misses:
            if said:
                await asyncio.sleep(self._patience.pause)
            if record.endpoint != endpoint or record.admission.last_data != last_data or not _is_waited_for(record):
                return
            try:
                await ask(endpoint, path, seconds=self._patience.answer)
            except ProbeError as error:
                misses, said = misses + (not error.is_ours), str(error)
            else:
                self._silent_since.pop(record.model.id, None)
                return
        if record.endpoint == endpoint and record.admission.last_data == last_data:
            self._restart(record.model.id, endpoint, f"stopped answering: {said}, {misses} times in a row")


def _is_waited_for(record: Record) -> bool:
    return record.standing.is_open and bool(record.admission.leases or record.line)
