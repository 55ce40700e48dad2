"""Write docs/reference/metrics.md from the orchestrator's table of metrics."""

from __future__ import annotations

from modelgen_runtime.control_api.metrics import METRICS
from modelgen_runtime.scheduling.standing import State
from written_pages.markdown import code, joined, mark

_INTRO = """\
# Metrics

`GET /metrics` of the orchestrator returns them in Prometheus' format. With a `keys_file`, it takes a key of any role.

```yaml
scrape_configs:
  - job_name: modelgen
    static_configs: [{ targets: ["localhost:8080"] }]
    authorization: { credentials_file: /etc/prometheus/modelgen-key } # with a keys_file
```

"""
SUFFIXES = {"counter": "_total", "gauge": "", "histogram": ""}
_LABELS = f"""\
## Labels

- `model`: the model's id.
- `gpu`: the name of the GPU in models.toml.
- `state`: {joined(map(code, State), "or")}.
- `status`: the HTTP status.
- `result`: `ready` or `failed`.
- `direction`: `in` for requests, `out` for answers.
- `key`: the [name of the API key](../guides/usage.md#names-and-models-of-keys); empty without keys. A scrape with a
  key of role `user` gets its own.
- `kind`: `prompt`, `cached` or `completion`.

`GET /metrics/MODEL` returns the metrics of a model's engine itself.
[The guide](../guides/usage.md#prometheus-and-grafana) has a dashboard for Grafana.
"""


def write() -> str:
    """Return the page."""
    parts = [mark("compiler/modelgen_runtime/control_api/metrics.py"), _INTRO]
    for metric in METRICS:
        labels = joined(map(code, metric.labels))
        parts.append(f"## {code(metric.name + SUFFIXES[metric.kind])}\n\n")
        parts.append(f"{metric.kind.capitalize()} by {labels}.\n\n{metric.help}\n\n")
    return "".join([*parts, _LABELS])
