"""`--prove` by modelgen's own table, from the bundle's own bytes; inside images in tests/e2e/test_bundle_proof.py."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

import modelgen.look_ups
from loading import CONFIG, TOKENIZER, as_json, checkpoint, model
from modelgen.files import ModelgenError
from proofs import prove

if TYPE_CHECKING:
    from pathlib import Path

TRUST = "trust_remote_code = true"
ELSEWHERE = {"AutoConfig": "org/code--configuration_x.X"}
POOLING = [{"idx": 1, "name": "1", "path": "1_Pooling", "type": "sentence_transformers.models.Pooling"}]


@pytest.fixture(autouse=True)
def _no_engine(monkeypatch: pytest.MonkeyPatch) -> None:
    def unreachable(image: str) -> bool:
        raise ModelgenError(f"Docker does not run, and {image} is unknown")

    monkeypatch.setattr(modelgen.look_ups, "has_image", unreachable)


@pytest.mark.parametrize("cut", [0, 100])
def test_a_bundle_that_was_not_proven_says_why(tmp_path: Path, cut: int) -> None:
    found = prove(tmp_path, model(), {"org/model": checkpoint()}, cut=cut)
    assert found.proven == {"m": "Docker does not run, and vllm/vllm-openai:v0.11.0 is unknown"}
    assert (found.faults, found.warnings) == ({}, [])


@pytest.mark.parametrize(
    ("args", "keys", "files", "what"),
    [
        ('load-format = "mistral"', "", checkpoint(), "consolidated*.safetensors of org/model is missing"),
        ("max-model-len = 8", TRUST, checkpoint(config__json={**CONFIG, "auto_map": ELSEWHERE}), "org/code"),
        ("max-model-len = 8", "", checkpoint(modules__json=POOLING), "1_Pooling/config.json of org/model is missing"),
        ("max-model-len = 8", "", checkpoint("model.safetensors"), "*.safetensors of org/model is missing"),
    ],
    ids=["consolidated", "auto_map", "pooling", "weights"],
)
def test_what_is_missing_is_found_before_the_bundle_leaves(
    tmp_path: Path, args: str, keys: str, files: dict[str, bytes], what: str
) -> None:
    found = prove(tmp_path, model(args=args, keys=keys), {"org/model": files})
    assert found.proven == {}
    assert what in found.faults["m"]
    assert "; " in found.faults["m"]  # the next step


def test_a_chat_template_that_is_not_there_is_a_warning(tmp_path: Path) -> None:
    found = prove(tmp_path, model(), {"org/model": checkpoint(tokenizer_config__json={})})
    assert (len(found.warnings), found.faults) == (1, {})
    assert found.warnings[0].startswith("m: tokenizer_config.json of org/model")


def test_a_program_that_is_no_engine_is_not_proven(tmp_path: Path) -> None:
    table = '[models.p]\nengine = "command"\nimage = "i:1"\ncommand = ["serve", "{port}"]\n'
    found = prove(tmp_path, table + model(), {"org/model": checkpoint()})
    assert "engine `command`" in str(found.proven["p"])


def test_large_weights_that_are_cut_are_not_copied_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("modelgen.bundle.proving._HEAD", 300)
    header = as_json({"w": {"dtype": "U8", "shape": [2000], "data_offsets": [0, 2000]}})
    files = checkpoint(model__safetensors=len(header).to_bytes(8, "little") + header + b"w" * 2000)
    found = prove(tmp_path, model(), {"org/model": {**files, "tokenizer_config.json": as_json(TOKENIZER)}}, cut=400)
    assert found.faults == {}
