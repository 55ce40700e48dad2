"""The seed case with real vLLM on CPU and a tiny model: opt-in, see README.md in this folder.

Random weights answer noise. This shows that the generated file starts, loads and serves, and that each line of the
incident stops it; it says nothing about GPUs.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import chat
import incident
import pytest
from deployment import IMAGE, REPO, Deployment, deployed, example, tagged
from docker_cli import docker, inspect
from engine_image import REPOSITORY
from hub_cache import make_readable

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

pytest_plugins = ["docker_fixtures"]
pytestmark = pytest.mark.vllm

TINY_MODEL = Path(__file__).parent / "tiny_model.py"  # imports what only the image has


@pytest.fixture
def real(compose: Sequence[str], docker_engine: None, tmp_path: Path) -> Iterator[Deployment]:  # noqa: ARG001 - it has to be there
    """The example with a model that vLLM can load, not running."""
    image = os.environ.get("MODELGEN_VLLM_IMAGE")
    if not image:
        pytest.skip("MODELGEN_VLLM_IMAGE names no image of vLLM 0.11.0 for CPU")
    with tagged(image, IMAGE, ours=REPOSITORY), deployed(compose, tmp_path, example("vllm")) as deployment:
        deployment.hub.mkdir(parents=True)
        program = ["--volume", f"{TINY_MODEL}:/tiny_model.py:ro", "--entrypoint", "python3"]
        docker(
            *("run", "--rm", "--pull", "never", "--network", "none", "--memory", "2g"),
            *("--user", f"{os.getuid()}:{os.getgid()}", "--volume", f"{deployment.hub}:/hub", *program),
            *(image, "/tiny_model.py", "/hub", REPO),
        )
        make_readable(deployment.hub)
        yield deployment


def test_generated_file_serves_a_chat(real: Deployment) -> None:
    real.up_healthy("text-4b")
    container = real.container(incident.SERVICE)
    ask = ["exec", "--interactive", container, "python3", "-", "http://127.0.0.1:8000", "text-4b"]
    answer = json.loads(docker(*ask, stdin=Path(chat.__file__).read_text()))
    assert answer["models"] == ["text-4b", REPO]
    assert answer["model"] == "text-4b"
    assert isinstance(answer["text"], str)
    assert inspect(container)["State"]["Running"], "it died of its first request"
    docker("stop", "--time", "30", container)
    assert inspect(container)["State"]["ExitCode"] == 0


@pytest.mark.parametrize(("change", "reason"), incident.MISTAKES)
def test_vllm_ends_at_once_and_says_why(
    real: Deployment, change: Callable[[dict[str, Any]], None], reason: str
) -> None:
    said, reasons = incident.failure(real.altered(change))
    assert reasons == [reason], said
    print(*(line for line in said.splitlines() if reason in line), sep="\n")
