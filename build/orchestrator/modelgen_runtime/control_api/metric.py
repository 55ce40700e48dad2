"""Metrics as they are declared."""

from __future__ import annotations

from typing import Literal, NamedTuple

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily


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

    def gauges(self) -> GaugeMetricFamily:
        """Return a family without values."""
        return GaugeMetricFamily(self.name, self.help, labels=self.labels)

    def counters(self) -> CounterMetricFamily:
        """Return a family without values."""
        return CounterMetricFamily(self.name, self.help, labels=self.labels)

    def histograms(self) -> HistogramMetricFamily:
        """Return a family without values."""
        return HistogramMetricFamily(self.name, self.help, labels=self.labels)
