"""Without the orchestrator, models that share a card start one after another, and each alone."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

import pytest
from deployment import PREFIX, REPO, Deployment, deployed
from docker_cli import inspect
from hub_cache import write_hub

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

pytest_plugins = ["docker_fixtures"]
pytestmark = pytest.mark.docker

VISION = "Qwen/Qwen3-VL-4B-Instruct"
TOML = f"""
[project]
name = "{PREFIX}order"
hub = "./models/hub"

[gpus.gpu0]
memory = "24GiB"
device = "0"

[engines.vllm]
image = "vllm/vllm-openai:v0.11.0"

[defaults]
gpus = ["gpu0"]
args = {{ max-model-len = 4096 }}

[models.text-4b]
repo = "{REPO}"
service = "vllm-text"
gpu_memory = "9GiB"

[models.qwen3vl-4b]
repo = "{VISION}"
gpu_memory = "12GiB"

[models.qwen3vl] # never started: without-gpu.yml names it
repo = "QuantTrio/Qwen3-VL-30B-A3B-Instruct-AWQ"

[profiles.both]
models = ["text-4b", "qwen3vl-4b"]
default = true

[orchestrator]
enabled = false

[rules]
unpinned-repo = "off"
"""


@pytest.fixture
def pair(compose: Sequence[str], engine: None, tmp_path: Path) -> Iterator[Deployment]:  # noqa: ARG001 - the image's name
    with deployed(compose, tmp_path, TOML) as deployment:
        write_hub(deployment.hub, REPO)
        write_hub(deployment.hub, VISION)
        yield deployment


def test_second_starts_when_the_first_is_healthy(pair: Deployment) -> None:
    pair.up_healthy("both")
    first = inspect(pair.container("vllm-qwen3vl-4b"))["State"]  # the larger claim
    second = inspect(pair.container("vllm-text"))["State"]
    healthy = next(probe["End"] for probe in first["Health"]["Log"] if probe["ExitCode"] == 0)
    assert datetime.fromisoformat(first["StartedAt"]) < datetime.fromisoformat(healthy)
    assert datetime.fromisoformat(healthy) <= datetime.fromisoformat(second["StartedAt"])


def test_one_of_them_starts_alone(pair: Deployment) -> None:
    done = pair.up("text-4b")  # the one that waits for the other where both are asked for
    assert done.returncode == 0, done.stderr
    assert pair.containers() == [pair.container("vllm-text")]
    assert inspect(pair.container("vllm-text"))["State"]["Running"]
