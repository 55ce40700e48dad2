"""Metrics in Prometheus' format. Most are computed from the state for each scrape."""

from __future__ import annotations

from typing import TYPE_CHECKING

from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, Counter, Histogram, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily

from modelgen_runtime.scheduling.standing import State

if TYPE_CHECKING:
    from collections.abc import Iterator

    from prometheus_client.core import Metric

    from modelgen_runtime.state.board import Board
    from modelgen_runtime.state.lifecycle import LifecycleEvent

# A start takes a second (a small model, files in memory) to a quarter of an hour (200 GB from a disk).
_START_SECONDS = (0.5, 1, 2, 5, 10, 20, 30, 60, 120, 300, 600, 900)
_WAIT_SECONDS = (0.001, 0.01, 0.1, 0.5, 1, 2, 5, 10, 30, 60, 120, 300)
_Answered = dict[tuple[str, int], list[int]]
"""Requests, bytes received and bytes sent, by model and status."""


class Metrics:
    """The counters of one orchestrator, in a registry of their own."""

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        self._switches = Counter(
            "modelgen_starts", "Engines that became ready or failed to.", ["model", "result"], registry=self._registry
        )
        self._start_seconds = Histogram(
            "modelgen_start_seconds",
            "From a start to the first ready.",
            ["model"],
            buckets=_START_SECONDS,
            registry=self._registry,
        )
        self._evictions = Counter(
            "modelgen_evictions", "Models stopped for another one.", ["model"], registry=self._registry
        )
        self._waits = Histogram(
            "modelgen_queue_wait_seconds",
            "How long requests waited that had to.",
            ["model"],
            buckets=_WAIT_SECONDS,
            registry=self._registry,
        )
        self._answered: _Answered = {}

    def watch(self, board: Board) -> None:
        """Compute the gauges from this board."""
        self._registry.register(_ReadOff(board, self._answered))

    def note(self, event: LifecycleEvent) -> None:
        """Count a lifecycle event."""
        model = event.model or ""
        if event.kind == State.READY and event.seconds is not None:
            self._switches.labels(model, "ready").inc()
            self._start_seconds.labels(model).observe(event.seconds)
        elif event.kind in (State.FAILED, State.ABSENT):
            self._switches.labels(model, "failed").inc()
        elif event.kind == "evicted":
            self._evictions.labels(model).inc()

    def note_wait(self, model: str, seconds: float) -> None:
        """Record how long a request was queued."""
        self._waits.labels(model).observe(seconds)

    def note_request(self, model: str, status: int, received: int, sent: int) -> None:
        """Count a request that has ended, with the bytes of its body and of its answer."""
        # Plain numbers, since this is on the path of every request.
        if (sums := self._answered.get((model, status))) is None:
            sums = self._answered[model, status] = [0, 0, 0]
        sums[0] += 1
        sums[1] += received
        sums[2] += sent

    def render(self) -> tuple[bytes, str]:
        """Return the text, and its content type."""
        return generate_latest(self._registry), CONTENT_TYPE_LATEST


class _ReadOff:
    """Metrics that are computed from the board and the gateway's counters."""

    def __init__(self, board: Board, answered: _Answered) -> None:
        self._board, self._answered = board, answered

    def collect(self) -> Iterator[Metric]:
        records = [*self._board.records.values()]
        states = GaugeMetricFamily(
            "modelgen_model_state", "1 for the state that a model is in.", labels=["model", "state"]
        )
        running = GaugeMetricFamily("modelgen_running", "Requests in flight.", labels=["model"])
        waiting = GaugeMetricFamily("modelgen_waiting", "Queued requests.", labels=["model"])
        for record in records:
            for state in State:
                states.add_metric([record.model.id, state], float(record.state is state))
            running.add_metric([record.model.id], len(record.admission.leases))
            waiting.add_metric([record.model.id], len(record.line))
        reserved = GaugeMetricFamily("modelgen_gpu_reserved_bytes", "Reserved memory of a GPU.", labels=["gpu"])
        limits = GaugeMetricFamily(
            "modelgen_gpu_limit_bytes", "Memory of a GPU that models may reserve together.", labels=["gpu"]
        )
        for gpu in self._board.manifest.gpus:
            held = sum(record.model.reservations.get(gpu.name, 0) for record in records if record.holds_memory)
            reserved.add_metric([gpu.name], held)
            limits.add_metric([gpu.name], gpu.limit)
        requests = CounterMetricFamily("modelgen_requests", "Answered requests.", labels=["model", "status"])
        passed = CounterMetricFamily("modelgen_bytes", "Forwarded bytes of bodies.", labels=["model", "direction"])
        totals: dict[str, tuple[int, int]] = {}
        for (model, status), (count, received, sent) in self._answered.items():
            requests.add_metric([model, str(status)], count)
            before = totals.get(model, (0, 0))
            totals[model] = (before[0] + received, before[1] + sent)
        for model, (received, sent) in totals.items():
            passed.add_metric([model, "in"], received)
            passed.add_metric([model, "out"], sent)
        yield from (states, running, waiting, reserved, limits, requests, passed)
