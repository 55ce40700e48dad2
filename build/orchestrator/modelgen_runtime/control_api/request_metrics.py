"""Metrics of requests, computed from the journal for each scrape."""

from __future__ import annotations

from itertools import accumulate
from typing import TYPE_CHECKING

from modelgen_runtime.control_api.metric import Metric
from modelgen_runtime.usage.journal import Cell, Sums

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from prometheus_client.core import Metric as Family

    from modelgen_runtime.http.handler import Caller
    from modelgen_runtime.usage.journal import Distribution, Journal

REQUESTS = Metric("modelgen_requests", "counter", ("model", "status"), "Answered requests by HTTP status.")
BYTES = Metric(
    "modelgen_bytes",
    "counter",
    ("model", "direction"),
    "Bytes of bodies: `direction` is in for requests, out for answers.",
)
WAITS = Metric("modelgen_queue_wait_seconds", "histogram", ("model",), "Seconds that queued requests waited.")
LOADS = Metric(
    "modelgen_load_wait_seconds", "histogram", ("model",), "Seconds of these in which the model of a request started."
)
FIRST_BYTES = Metric(
    "modelgen_first_byte_seconds",
    "histogram",
    ("model",),
    "Seconds until the first byte of an engine's answer: of a stream, its first token.",
)
KEY_REQUESTS = Metric("modelgen_key_requests", "counter", ("model", "key"), "Requests that ended, by API key.")
TOKENS = Metric(
    "modelgen_tokens",
    "counter",
    ("model", "key", "kind"),
    "Tokens that engines reported: `kind` is prompt, cached (of the prompt) or completion.",
)
REQUEST_METRICS = (REQUESTS, BYTES, WAITS, LOADS, FIRST_BYTES, KEY_REQUESTS, TOKENS)


class RequestMetrics:
    """The collector of these metrics.

    Args:
        journal: What is counted.
    """

    def __init__(self, journal: Journal) -> None:
        self._journal = journal
        self.caller: Caller | None = None
        """The key of the scrape; one of role `user` gets its own counts by key."""

    def collect(self) -> Iterator[Family]:
        """Yield the families."""
        yield from self._by_status()
        for metric, distributions in (
            (WAITS, self._journal.waits),
            (LOADS, self._journal.loads),
            (FIRST_BYTES, self._journal.first_bytes),
        ):
            yield _histogram(metric, distributions)
        yield from self._by_key()

    def _by_status(self) -> Iterator[Family]:
        requests, passed = REQUESTS.counters(), BYTES.counters()
        statuses = self._sums(lambda cell: (cell.model, str(cell.status)))
        models = self._sums(lambda cell: (cell.model,))
        for labels, sums in statuses.items():
            requests.add_metric(labels, sums.requests)
        for (model,), sums in models.items():
            passed.add_metric([model, "in"], sums.received)
            passed.add_metric([model, "out"], sums.sent)
        yield from (requests, passed)

    def _by_key(self) -> Iterator[Family]:
        requests, tokens = KEY_REQUESTS.counters(), TOKENS.counters()
        for (model, key), sums in self._sums(lambda cell: (cell.model, cell.key or "")).items():
            if self.caller is not None and self.caller.role == "user" and self.caller.name != key:
                continue
            requests.add_metric([model, key], sums.requests)
            for kind in ("prompt", "cached", "completion"):
                tokens.add_metric([model, key, kind], getattr(sums, kind))
        yield from (requests, tokens)

    def _sums(self, labels: Callable[[Cell], tuple[str, ...]]) -> dict[tuple[str, ...], Sums]:
        """Return the sums of cells with the same labels."""
        found: dict[tuple[str, ...], Sums] = {}
        for cell, sums in self._journal.sums.items():
            group = labels(Cell(*cell))
            found[group] = found.get(group, Sums()).plus(sums)
        return found


def _histogram(metric: Metric, distributions: Mapping[str, Distribution]) -> Family:
    family = metric.histograms()
    for model, one in distributions.items():
        bounds = [*(str(float(bound)) for bound in one.bounds), "+Inf"]
        family.add_metric([model], [*zip(bounds, accumulate(one.counts), strict=True)], one.sum)
    return family
