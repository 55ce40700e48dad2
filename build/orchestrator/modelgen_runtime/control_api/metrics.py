"""Metrics in Prometheus' format. Most are computed from the state for each scrape."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, NamedTuple

from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, Counter, Histogram, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily

from modelgen_runtime.scheduling.standing import State

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from prometheus_client.core import Metric as Family

    from modelgen_runtime.state.board import Board
    from modelgen_runtime.state.lifecycle import LifecycleEvent


class Metric(NamedTuple):
    """A metric as it is declared.

    Args:
        name: Its name; a counter is shown with the suffix `_total`.
        kind: Its type.
        labels: The names of its labels.
        help: Its description, which Prometheus shows.
    """

    name: str
    kind: Literal["counter", "gauge", "histogram"]
    labels: tuple[str, ...]
    help: str


STARTS = Metric("modelgen_starts", "counter", ("model", "result"), "Starts of engines; `result` is ready or failed.")
START_SECONDS = Metric("modelgen_start_seconds", "histogram", ("model",), "Seconds from a start until it was ready.")
EVICTIONS = Metric("modelgen_evictions", "counter", ("model",), "Times that the model made room for another one.")
WAITS = Metric("modelgen_queue_wait_seconds", "histogram", ("model",), "Seconds that queued requests waited.")
STATES = Metric(
    "modelgen_model_state", "gauge", ("model", "state"), "1 for the state that the model is in, 0 for the others."
)
RUNNING = Metric("modelgen_running", "gauge", ("model",), "Requests in flight.")
WAITING = Metric("modelgen_waiting", "gauge", ("model",), "Queued requests.")
RESERVED = Metric("modelgen_gpu_reserved_bytes", "gauge", ("gpu",), "Memory that loaded models reserve.")
LIMITS = Metric("modelgen_gpu_limit_bytes", "gauge", ("gpu",), "Memory that models may reserve together.")
REQUESTS = Metric("modelgen_requests", "counter", ("model", "status"), "Answered requests by HTTP status.")
BYTES = Metric(
    "modelgen_bytes",
    "counter",
    ("model", "direction"),
    "Bytes of bodies: `direction` is in for requests, out for answers.",
)
CACHE_TOKENS = Metric(
    "modelgen_kv_cache_tokens", "gauge", ("model", "source"), "Tokens of the KV cache; `source` is engine or expected."
)
CACHE_REQUESTS = Metric(
    "modelgen_kv_cache_requests", "gauge", ("model", "source"), "Requests of the longest length that fit at once."
)
METRICS = (
    *(STATES, RUNNING, WAITING, REQUESTS, BYTES, STARTS, START_SECONDS, EVICTIONS, WAITS, RESERVED, LIMITS),
    *(CACHE_TOKENS, CACHE_REQUESTS),
)
"""All metrics."""

# A start takes a second (a small model, files in memory) to a quarter of an hour (200 GB from a disk).
_START_BUCKETS = (0.5, 1, 2, 5, 10, 20, 30, 60, 120, 300, 600, 900)
_WAIT_BUCKETS = (0.001, 0.01, 0.1, 0.5, 1, 2, 5, 10, 30, 60, 120, 300)
_Answered = dict[tuple[str, int], list[int]]
"""Requests, bytes received and bytes sent, by model and status."""


class Metrics:
    """The counters of one orchestrator, in a registry of their own."""

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        self._starts = self._counter(STARTS)
        self._start_seconds = self._histogram(START_SECONDS, _START_BUCKETS)
        self._evictions = self._counter(EVICTIONS)
        self._waits = self._histogram(WAITS, _WAIT_BUCKETS)
        self._answered: _Answered = {}

    def _counter(self, metric: Metric) -> Counter:
        return Counter(metric.name, metric.help, metric.labels, registry=self._registry)

    def _histogram(self, metric: Metric, buckets: Sequence[float]) -> Histogram:
        return Histogram(metric.name, metric.help, metric.labels, buckets=buckets, registry=self._registry)

    def watch(self, board: Board) -> None:
        """Compute the gauges from this board."""
        self._registry.register(_ReadOff(board, self._answered))

    def note(self, event: LifecycleEvent) -> None:
        """Count a lifecycle event."""
        model = event.model or ""
        if event.kind == State.READY and event.seconds is not None:
            self._starts.labels(model, "ready").inc()
            self._start_seconds.labels(model).observe(event.seconds)
        elif event.kind in (State.FAILED, State.ABSENT):
            self._starts.labels(model, "failed").inc()
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

    def collect(self) -> Iterator[Family]:
        records = [*self._board.records.values()]
        states, running, waiting = map(_gauge, (STATES, RUNNING, WAITING))
        tokens, requests_at_once = map(_gauge, (CACHE_TOKENS, CACHE_REQUESTS))
        for record in records:
            for state in State:
                states.add_metric([record.model.id, state], float(record.state is state))
            running.add_metric([record.model.id], len(record.admission.leases))
            waiting.add_metric([record.model.id], len(record.line))
            for source, cache in (("expected", record.model.expected), ("engine", record.started)):
                if cache is not None and cache.tokens is not None:
                    tokens.add_metric([record.model.id, source], cache.tokens)
                if cache is not None and cache.requests is not None:
                    requests_at_once.add_metric([record.model.id, source], cache.requests)
        reserved, limits = map(_gauge, (RESERVED, LIMITS))
        for gpu in self._board.manifest.gpus:
            held = sum(record.model.reservations.get(gpu.name, 0) for record in records if record.holds_memory)
            reserved.add_metric([gpu.name], held)
            limits.add_metric([gpu.name], gpu.limit)
        requests = CounterMetricFamily(REQUESTS.name, REQUESTS.help, labels=REQUESTS.labels)
        passed = CounterMetricFamily(BYTES.name, BYTES.help, labels=BYTES.labels)
        totals: dict[str, tuple[int, int]] = {}
        for (model, status), (count, received, sent) in self._answered.items():
            requests.add_metric([model, str(status)], count)
            before = totals.get(model, (0, 0))
            totals[model] = (before[0] + received, before[1] + sent)
        for model, (received, sent) in totals.items():
            passed.add_metric([model, "in"], received)
            passed.add_metric([model, "out"], sent)
        yield from (states, running, waiting, reserved, limits, requests, passed, tokens, requests_at_once)


def _gauge(metric: Metric) -> GaugeMetricFamily:
    return GaugeMetricFamily(metric.name, metric.help, labels=metric.labels)
