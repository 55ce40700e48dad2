"""`--prove` inside the engine's image: a stub with vLLM's functions on the real huggingface_hub, without a network."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from load_image import load_image

from loading import CONFIG, checkpoint, model
from proofs import prove

if TYPE_CHECKING:
    from pathlib import Path

pytest_plugins = ["docker_fixtures"]
pytestmark = pytest.mark.docker


def test_the_engines_look_up_in_the_bytes_of_the_bundle(tmp_path: Path, double: str) -> None:
    elsewhere = {"AutoConfig": "org/code--configuration_x.X"}
    toml = f'[engines.vllm]\nimage = "{load_image(double)}"\nversion = "0.11.0"\n' + "".join(
        [
            model(),
            model("org/mistral", args='max-model-len = 8, load-format = "mistral"', name="mistral"),
            model("org/remote", keys="trust_remote_code = true", name="remote"),
        ]
    )
    found = prove(
        tmp_path,
        toml,
        {
            "org/model": checkpoint(),
            "org/mistral": checkpoint(),
            "org/remote": checkpoint(config__json={**CONFIG, "auto_map": elsewhere}),
        },
    )
    assert found.proven == {"m": True}
    assert "Cannot find any model weights with `org/mistral`" in found.faults["mistral"]
    assert "LocalEntryNotFoundError" in found.faults["remote"]
