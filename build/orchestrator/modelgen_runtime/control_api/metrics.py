"""Metrics in Prometheus' format. Most are computed from the state for each scrape."""

from __future__ import annotations

from typing import TYPE_CHECKING

from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, Counter, Histogram, generate_latest

from modelgen_runtime.control_api.metric import Metric
from modelgen_runtime.control_api.request_metrics import REQUEST_METRICS, RequestMetrics
from modelgen_runtime.control_api.views import reserved_by_gpu
from modelgen_runtime.scheduling.standing import State

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from prometheus_client.core import Metric as Family

    from modelgen_runtime.gpus.gauge import Gauge
    from modelgen_runtime.http.handler import Caller
    from modelgen_runtime.state.board import Board
    from modelgen_runtime.state.lifecycle import LifecycleEvent
    from modelgen_runtime.usage.journal import Journal


STARTS = Metric("modelgen_starts", "counter", ("model", "result"), "Starts of engines; `result` is ready or failed.")
START_SECONDS = Metric("modelgen_start_seconds", "histogram", ("model",), "Seconds from a start until it was ready.")
EVICTIONS = Metric("modelgen_evictions", "counter", ("model",), "Times that the model made room for another one.")
STATES = Metric(
    "modelgen_model_state", "gauge", ("model", "state"), "1 for the state that the model is in, 0 for the others."
)
RUNNING = Metric("modelgen_running", "gauge", ("model",), "Requests in flight.")
WAITING = Metric("modelgen_waiting", "gauge", ("model",), "Queued requests.")
RESERVED = Metric("modelgen_gpu_reserved_bytes", "gauge", ("gpu",), "Memory that loaded models reserve.")
LIMITS = Metric("modelgen_gpu_limit_bytes", "gauge", ("gpu",), "Memory that models may reserve together.")
USED = Metric("modelgen_gpu_used_bytes", "gauge", ("gpu",), "Memory in use, as measured with `gpu_stats`.")
UNRESERVED = Metric(
    "modelgen_gpu_unreserved_bytes",
    "gauge",
    ("gpu",),
    "Measured memory beyond what loaded models reserve: the driver's and that of other programs.",
)
UTILIZATION = Metric("modelgen_gpu_utilization_ratio", "gauge", ("gpu",), "Share of the time in which a kernel ran.")
TEMPERATURE = Metric("modelgen_gpu_temperature_celsius", "gauge", ("gpu",), "Temperature of the GPU.")
POWER = Metric("modelgen_gpu_power_watts", "gauge", ("gpu",), "Power that the GPU draws.")
CACHE_TOKENS = Metric(
    "modelgen_kv_cache_tokens", "gauge", ("model", "source"), "Tokens of the KV cache; `source` is engine or expected."
)
CACHE_REQUESTS = Metric(
    "modelgen_kv_cache_requests", "gauge", ("model", "source"), "Requests of the longest length that fit at once."
)
MEASURED = (USED, UNRESERVED, UTILIZATION, TEMPERATURE, POWER)
"""Metrics that only `gpu_stats` makes."""
METRICS = (
    *(STATES, RUNNING, WAITING, STARTS, START_SECONDS, EVICTIONS, RESERVED, LIMITS, CACHE_TOKENS, CACHE_REQUESTS),
    *MEASURED,
    *REQUEST_METRICS,
)
"""All metrics."""

# A start takes a second (a small model, files in memory) to a quarter of an hour (200 GB from a disk).
_START_BUCKETS = (0.5, 1, 2, 5, 10, 20, 30, 60, 120, 300, 600, 900)


class Metrics:
    """The counters of one orchestrator, in a registry of their own.

    Args:
        journal: Notes the requests.
    """

    def __init__(self, journal: Journal) -> None:
        self._registry = CollectorRegistry()
        self._starts = self._counter(STARTS)
        self._start_seconds = self._histogram(START_SECONDS, _START_BUCKETS)
        self._evictions = self._counter(EVICTIONS)
        self._requests = RequestMetrics(journal)
        self._registry.register(self._requests)

    def _counter(self, metric: Metric) -> Counter:
        return Counter(metric.name, metric.help, metric.labels, registry=self._registry)

    def _histogram(self, metric: Metric, buckets: Sequence[float]) -> Histogram:
        return Histogram(metric.name, metric.help, metric.labels, buckets=buckets, registry=self._registry)

    def watch(self, board: Board, gauge: Gauge | None = None) -> None:
        """Compute the gauges from this board, and from the GPUs if they are measured."""
        self._registry.register(_ReadOff(board))
        if gauge is not None:
            self._registry.register(_Measured(board, gauge))

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

    def render(self, caller: Caller | None) -> tuple[bytes, str]:
        """Return the text for a key, and its content type."""
        self._requests.caller = caller
        return generate_latest(self._registry), CONTENT_TYPE_LATEST


class _ReadOff:
    """Metrics that are computed from the board."""

    def __init__(self, board: Board) -> None:
        self._board = board

    def collect(self) -> Iterator[Family]:
        records = [*self._board.records.values()]
        states, running, waiting = (metric.gauges() for metric in (STATES, RUNNING, WAITING))
        tokens, requests_at_once = (metric.gauges() for metric in (CACHE_TOKENS, CACHE_REQUESTS))
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
        reserved, limits = (metric.gauges() for metric in (RESERVED, LIMITS))
        held = reserved_by_gpu(self._board)
        for gpu in self._board.manifest.gpus:
            reserved.add_metric([gpu.name], held[gpu.name])
            limits.add_metric([gpu.name], gpu.limit)
        yield from (states, running, waiting, reserved, limits, tokens, requests_at_once)


class _Measured:
    """Metrics that are measured; stale ones are left out."""

    def __init__(self, board: Board, gauge: Gauge) -> None:
        self._board, self._gauge = board, gauge

    def collect(self) -> Iterator[Family]:
        used, unreserved, utilization, temperature, power = (metric.gauges() for metric in MEASURED)
        for gpu, reserved in reserved_by_gpu(self._board).items():
            if (found := self._gauge.last(gpu)) is None or self._gauge.is_stale(found[1]):
                continue
            reading = found[0]
            used.add_metric([gpu], reading.used)
            unreserved.add_metric([gpu], max(0, reading.used - reserved))
            if reading.utilization is not None:
                utilization.add_metric([gpu], reading.utilization / 100)
            if reading.temperature is not None:
                temperature.add_metric([gpu], reading.temperature)
            if reading.power is not None:
                power.add_metric([gpu], reading.power)
        yield from (used, unreserved, utilization, temperature, power)
