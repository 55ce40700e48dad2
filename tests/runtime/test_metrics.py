"""Every metric that is served is declared, and has a description."""

from __future__ import annotations

import re

from modelgen_runtime.control_api.metrics import MEASURED, METRICS, Metrics
from modelgen_runtime.state.board import Board
from modelgen_runtime.usage.journal import Journal
from modelgen_runtime.usage.record import Record, Tokens
from runtime_serving import engine, manifest
from written_pages.metrics import SUFFIXES


def test_what_is_served_is_what_is_declared() -> None:
    journal = Journal()
    metrics = Metrics(journal)
    metrics.watch(Board(manifest(engine("a")), lambda: 1.0, lambda: None, lambda _: None))
    record = Record("a", None, "/v1/chat/completions", "alice", 0.0, lambda: None)
    record.status, record.first_byte, record.load, record.tokens = 200, 0.5, 0.25, Tokens(3, 1, 2)
    journal.begin(record)
    journal.note_wait(record, 1.0)
    journal.end(record, 2.0)
    text = metrics.render(None)[0].decode()
    helps = dict(re.findall(r"^# HELP (\S+) (.+)$", text, re.MULTILINE))
    kinds = dict(re.findall(r"^# TYPE (\S+) (.+)$", text, re.MULTILINE))
    names = {name for name in helps if not name.endswith("_created")}
    declared = {metric.name + SUFFIXES[metric.kind]: metric for metric in METRICS if metric not in MEASURED}
    assert names == set(declared)
    for name, metric in declared.items():
        assert (helps[name], kinds[name]) == (metric.help, metric.kind)
        assert re.fullmatch(r"[A-Z0-9].*\.", metric.help)
    assert 'modelgen_requests_total{model="a",status="200"} 1.0' in text
    assert 'modelgen_tokens_total{key="alice",kind="completion",model="a"} 2.0' in text
    assert 'modelgen_first_byte_seconds_bucket{le="0.5",model="a"} 1.0' in text
    assert 'modelgen_first_byte_seconds_bucket{le="0.25",model="a"} 0.0' in text
