"""How long an engine has to stop is the same for Compose and for the orchestrator, whoever says it."""

from __future__ import annotations

import json

import pytest
import yaml

from compiling import build, complete
from modelgen.pipeline import compile_source
from modelgen.targets import ON_HOST

MODEL = 'engine = "command"\nimage = "i:1"\ncommand = ["serve"]\n'


@pytest.mark.parametrize(
    ("keys", "seconds", "composed"),
    [
        ("", 30.0, "30s"),
        ('compose = { stop_grace_period = "1m30s" }', 90.0, "1m30s"),
        ('compose = { stop_grace_period = "1500ms" }', 2.0, "1500ms"),
        ('compose = { stop_grace_period = "1.5h" }', 5400.0, "1.5h"),
    ],
)
def test_both_drivers_go_by_it(keys: str, seconds: float, composed: str) -> None:
    toml = complete(f"[models.a]\n{MODEL}{keys}\n")
    built = build(toml)
    assert (
        yaml.load(built["docker-compose.yml"], Loader=yaml.CSafeLoader)["services"]["command-a"]["stop_grace_period"]
        == composed
    )
    on_host = compile_source(toml.encode(), None, targets=(ON_HOST,), root_from_out="/srv").artifacts["manifest.json"]
    for manifest in (built["orchestrator/config/manifest.json"], on_host.decode()):
        assert json.loads(manifest)["models"][0]["stop_grace"] == seconds
