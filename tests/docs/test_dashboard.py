"""The expressions of the Grafana dashboard are valid, and read metrics that there are."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from typing import TYPE_CHECKING

import pytest

from compiling import REPOSITORY
from modelgen_runtime.control_api.metrics import METRICS
from written_pages.metrics import SUFFIXES

if TYPE_CHECKING:
    from pathlib import Path

DASHBOARD = json.loads((REPOSITORY / "docs/assets/modelgen-dashboard.json").read_text("utf-8"))
EXPRESSIONS = [target["expr"] for panel in DASHBOARD["panels"] for target in panel["targets"]]
SERIES = {
    metric.name + suffix: metric
    for metric in METRICS
    for suffix in (("_bucket", "_sum", "_count") if metric.kind == "histogram" else (SUFFIXES[metric.kind],))
}


def test_expressions_read_metrics_and_labels_that_there_are() -> None:
    for expression in EXPRESSIONS:
        names = re.findall(r"modelgen_\w+", expression)
        assert names
        labels = {label for name in names for label in SERIES[name].labels} | {"le"}
        used = re.findall(r"(\w+)[!=]~?\"", expression)
        used += [label.strip() for group in re.findall(r"by \(([^)]*)\)", expression) for label in group.split(",")]
        assert set(used) <= labels, expression


@pytest.mark.skipif(shutil.which("promtool") is None, reason="needs promtool (Debian's prometheus)")
def test_promtool_reads_every_expression(tmp_path: Path) -> None:
    rules = [
        {"record": f"check:{number}", "expr": expression.replace("$__rate_interval", "5m")}
        for number, expression in enumerate(EXPRESSIONS)
    ]
    (tmp_path / "rules.yml").write_text(json.dumps({"groups": [{"name": "dashboard", "rules": rules}]}))
    done = subprocess.run(
        ["promtool", "check", "rules", tmp_path / "rules.yml"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
