"""Every metric that is served is declared, and has a description."""

from __future__ import annotations

import re

from modelgen_runtime.control_api.metrics import METRICS, Metrics
from modelgen_runtime.state.board import Board
from runtime_serving import engine, manifest
from written_pages.metrics import SUFFIXES


def test_what_is_served_is_what_is_declared() -> None:
    metrics = Metrics()
    metrics.watch(Board(manifest(engine("a")), lambda: 1.0, lambda: None, lambda _: None))
    metrics.note_wait("a", 1.0)
    metrics.note_request("a", 200, 1, 1)
    text = metrics.render()[0].decode()
    helps = dict(re.findall(r"^# HELP (\S+) (.+)$", text, re.MULTILINE))
    kinds = dict(re.findall(r"^# TYPE (\S+) (.+)$", text, re.MULTILINE))
    names = {name for name in helps if not name.endswith("_created")}
    declared = {metric.name + SUFFIXES[metric.kind]: metric for metric in METRICS}
    assert names == set(declared)
    for name, metric in declared.items():
        assert (helps[name], kinds[name]) == (metric.help, metric.kind)
        assert re.fullmatch(r"[A-Z0-9].*\.", metric.help)
    assert 'modelgen_requests_total{model="a",status="200"} 1.0' in text
