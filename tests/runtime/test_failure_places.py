"""Every report of a failure names the key of models.toml to change."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from modelgen_runtime.failures.explanation import explain_failure
from modelgen_runtime.failures.root_cause import Cause
from modelgen_runtime.failures.sources import places_of, values_of
from modelgen_runtime.manifest import write_manifest
from runtime_serving import engine, manifest, serving

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.slow  # starts processes

SAID = "ValueError: To serve at least one request with the models's max seq len (262144), (24.0 GiB KV cache is needed"
PLACES = ["defaults.args.max-model-len", "models.a.gpu_memory"]


def test_a_refusal_and_the_state_name_the_key_that_mends_a_failure(tmp_path: Path) -> None:
    broken = engine("a", "--say", SAID, "--exit-at-start", "1", sources={"args.max-model-len": PLACES[0]})
    with serving(tmp_path, manifest(broken)) as served:
        status, body = served.chat("a")
        assert status == 503
        assert body["error"]["message"].endswith(f"({PLACES[0]}, {PLACES[1]})")
        assert body["error"]["places"] == PLACES
        status, problem = served.ask("/switch", {"model_id": "a"})
        assert (status, problem["places"]) == (503, PLACES)
        [model] = served.ask("/models")[1]["models"]
        assert model["failure"]["places"] == PLACES


def test_a_command_is_the_place_of_all_that_it_runs() -> None:
    model = engine("a", sources={"command": "models.a.command"})
    assert places_of(model, ("repo", "args.no-such-flag", "command")) == ("models.a.command",)


@pytest.mark.parametrize(("kind", "values"), [("vllm", {"models.a.args.max-num-seqs": 614}), ("command", {})])
def test_a_number_in_the_output_is_the_value_to_write(kind: str, values: dict[str, int]) -> None:
    said = ("ValueError: max_num_seqs exceeds available Mamba cache blocks (614).",)
    meaning = explain_failure(kind, 1, Cause(said, (), (), said, is_raised=True))
    assert meaning is not None
    assert values_of(replace(engine("a"), engine=kind), meaning) == values


def test_an_engine_of_its_own_flags_has_no_command() -> None:
    model = replace(engine("a"), engine="vllm", sources={"args.x": "models.a.args.x"})
    assert places_of(model, ("args.x", "command")) == ("models.a.args.x",)


def test_a_value_that_moved_in_the_file_makes_no_other_model(tmp_path: Path) -> None:
    dying = engine("a", "--say", SAID, "--exit-on-request", "2", sources={"args.max-model-len": "models.a.args.x"})
    with serving(tmp_path, manifest(dying)) as served:
        assert served.chat("a")[0] == 200
        before = served.engines()
        moved = replace(dying, sources={"args.max-model-len": PLACES[0], "gpu_memory": PLACES[1]})
        (tmp_path / "manifest.json").write_bytes(write_manifest(manifest(moved)))
        assert served.ask("/reload", {})[0] == 200
        assert served.engines() == before
        assert served.chat("a")[1]["error"]["places"] == PLACES
