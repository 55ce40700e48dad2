"""Metrics of requests, computed from the journal for each scrape."""

from __future__ import annotations

from itertools import accumulate
from typing import TYPE_CHECKING

from modelgen_runtime.control_api.metric import Metric

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

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
        yield from _by_status(self._journal.statuses)
        for metric, distributions in (
            (WAITS, self._journal.waits),
            (LOADS, self._journal.loads),
            (FIRST_BYTES, self._journal.first_bytes),
        ):
            yield _histogram(metric, distributions)
        yield from self._by_key()

    def _by_key(self) -> Iterator[Family]:
        requests, tokens = KEY_REQUESTS.counters(), TOKENS.counters()
        for (model, key), (count, *kinds) in self._journal.tokens.items():
            if self.caller is not None and self.caller.role == "user" and self.caller.name != key:
                continue
            requests.add_metric([model, key], count)
            for kind, number in zip(("prompt", "cached", "completion"), kinds, strict=True):
                tokens.add_metric([model, key, kind], number)
        yield from (requests, tokens)


def _by_status(statuses: Mapping[tuple[str, int], list[int]]) -> Iterator[Family]:
    requests, passed, totals = REQUESTS.counters(), BYTES.counters(), dict[str, tuple[int, int]]()
    for (model, status), (count, received, sent) in statuses.items():
        requests.add_metric([model, str(status)], count)
        before = totals.get(model, (0, 0))
        totals[model] = (before[0] + received, before[1] + sent)
    for model, (received, sent) in totals.items():
        passed.add_metric([model, "in"], received)
        passed.add_metric([model, "out"], sent)
    yield from (requests, passed)


def _histogram(metric: Metric, distributions: Mapping[str, Distribution]) -> Family:
    family = metric.histograms()
    for model, one in distributions.items():
        bounds = [*(str(float(bound)) for bound in one.bounds), "+Inf"]
        family.add_metric([model], [*zip(bounds, accumulate(one.counts), strict=True)], one.sum)
    return family
