"""Two containers of real vLLM on CPU that take turns: the incident's model on 0.11.0, and one on 0.32.0.

Opt-in, see README.md in this folder. The models are tiny and answer noise.
"""

from __future__ import annotations

import json
import os
import time
from typing import TYPE_CHECKING

import pytest
from deployment import IMAGE, PREFIX, tagged
from docker_cli import docker, inspect
from hub_cache import make_readable
from running import Running, running, until
from test_real_vllm import TINY_MODEL

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytest_plugins = ["docker_fixtures"]
pytestmark = pytest.mark.vllm

NEWER_IMAGE = "vllm/vllm-openai:v0.32.0"
NAMES = ("qwen3-4b", "qwen3-0.6b")
SERVICES = ("vllm-text", "vllm-newer")
REPOS = ("Qwen/Qwen3-4B-Instruct-2507", "Qwen/Qwen3-0.6B")
TOML = f"""
[project]
name = "{PREFIX}real"
hub = "./models/hub"

[gpus.gpu0]
memory = "24GiB"
device = "0"

[engines.vllm]
image = "{IMAGE}"

[models.{json.dumps(NAMES[0])}]
repo = "{REPOS[0]}"
service = "{SERVICES[0]}"
gpus = ["gpu0"]
gpu_memory = "14GiB"
args = {{ max-model-len = 16384, max-num-seqs = 16 }}

[models.{json.dumps(NAMES[1])}]
repo = "{REPOS[1]}"
service = "{SERVICES[1]}"
image = "{NEWER_IMAGE}"
gpus = ["gpu0"]
gpu_memory = "14GiB"
args = {{ max-model-len = 8192, max-num-seqs = 8, enforce-eager = true }}

[orchestrator]
listen = "127.0.0.1:%d"
"""
_ON_CPU = """
    deploy: !reset null
    ulimits: !reset null
    mem_limit: 6g
    environment: {VLLM_CPU_KVCACHE_SPACE: "1", TORCHDYNAMO_DISABLE: "1"}
"""

ON_THIS_MACHINE = "".join(f"  {service}:{_ON_CPU}" for service in SERVICES)


@pytest.fixture
def real(own_wheels: Path, tmp_path: Path) -> Iterator[Running]:
    """What `up` left: both models created, neither running."""
    images = [os.environ.get(name, "") for name in ("MODELGEN_VLLM_IMAGE", "MODELGEN_NEWER_VLLM_IMAGE")]
    if not all(images):
        pytest.skip(
            "MODELGEN_VLLM_IMAGE and MODELGEN_NEWER_VLLM_IMAGE name no images of vLLM 0.11.0 and 0.32.0 for CPU"
        )
    with (
        tagged(images[0], IMAGE, ours="modelgen-e2e"),
        tagged(images[1], NEWER_IMAGE, ours="modelgen-e2e"),
        running(tmp_path, "real", images[0], own_wheels) as found,
    ):
        write_models(tmp_path / "models" / "hub", images[0])
        (tmp_path / "models.toml").write_text(TOML % found.port)
        found.adapt(ON_THIS_MACHINE)
        found.modelgen("up", "--yes", "--offline")
        yield found


def write_models(hub: Path, image: str) -> None:
    hub.mkdir(parents=True)
    for repo in REPOS:
        docker(
            *("run", "--rm", "--pull", "never", "--network", "none", "--memory", "2g"),
            *("--user", f"{os.getuid()}:{os.getgid()}", "--volume", f"{hub}:/hub"),
            *("--volume", f"{TINY_MODEL}:/tiny_model.py:ro", "--entrypoint", "python3"),
            *(image, "/tiny_model.py", "/hub", repo),
        )
    make_readable(hub)


def test_real_engines_take_turns(real: Running) -> None:
    for wanted, other in (NAMES, NAMES[::-1], NAMES):
        begun = time.monotonic()
        status, told = real.served.ask("/switch", {"model_id": wanted})
        assert (status, told["status"]) == (200, "ready"), told
        print(f"{wanted} ready after {time.monotonic() - begun:.1f} s")
        assert (real.served.state(wanted), real.served.state(other)) == ("ready", "stopped")
        assert inspect(real.container(SERVICES[NAMES.index(other)]))["State"]["ExitCode"] == 0
        status, answer = real.served.chat(wanted)
        assert (status, answer["model"]) == (200, wanted)


def test_a_chat_switches_and_a_stream_is_whole(real: Running) -> None:
    for name in NAMES:
        lines = real.stream(name).rest().splitlines()
        assert lines[-2] == b"data: [DONE]", lines
        assert sum(line.startswith(b"data: {") for line in lines) > 1
    assert real.served.state(NAMES[0]) == "stopped"


def test_the_incident_in_an_override_is_explained_and_what_ran_comes_back(real: Running) -> None:
    assert real.served.chat(NAMES[1])[0] == 200
    incident = "    command: [--model, /root/.cache/huggingface/Qwen--Qwen3-4B-Instruct-2507]\n"
    real.adapt(ON_THIS_MACHINE.replace(f"  {SERVICES[0]}:{_ON_CPU}", f"  {SERVICES[0]}:{_ON_CPU}{incident}"))
    real.modelgen("up", "--yes", "--offline")
    status, told = real.served.ask("/switch", {"model_id": NAMES[0]})
    assert (status, told["type"]) == (503, "urn:modelgen:model_failed"), told
    why = real.modelgen("why", NAMES[0]).stdout
    assert "write `repo` as `namespace/name`, not a path" in " ".join(why.split())
    print(told["detail"])
    until(lambda: real.served.state(NAMES[1]) == "ready", 120.0)
