"""The case that modelgen was written for, as generated: the model comes from the hub on disk, and from nowhere else.

The engine is a double with the real hub client; test_real_vllm.py does the same with real vLLM.
"""

from __future__ import annotations

import json
from ipaddress import ip_network
from pathlib import Path
from typing import TYPE_CHECKING

import chat
import pytest
from deployment import REPO, Deployment, deployed, example
from docker_cli import docker, inspect
from hub_cache import write_hub
from outside import HOST, SERVER, attempt, outside

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

pytest_plugins = ["docker_fixtures"]
pytestmark = pytest.mark.docker

SERVICE = "vllm-text"
QUESTION = Path(chat.__file__).read_text()
EXPECTED = {"models": ["text-4b", REPO], "model": "text-4b", "text": f"{REPO} heard hello"}


@pytest.fixture(scope="module")
def seed(compose: Sequence[str], engine: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployment]:  # noqa: ARG001 - the image's name
    """The example with the model text-4b running."""
    with deployed(compose, tmp_path_factory.mktemp("seed"), example("seed")) as deployment:
        write_hub(deployment.hub, REPO)
        deployment.up_healthy("text-4b")
        yield deployment


def test_only_what_was_asked_for_runs(seed: Deployment) -> None:
    assert seed.containers() == [seed.container(SERVICE)]


@pytest.mark.parametrize("name", ["text-4b", REPO])
def test_answers_inside_the_container(seed: Deployment, name: str) -> None:
    command = ["exec", "--interactive", seed.container(SERVICE), "python3", "-", "http://127.0.0.1:8000", name]
    assert json.loads(docker(*command, stdin=QUESTION)) == EXPECTED


def test_answers_a_neighbour_by_the_name_of_its_service(seed: Deployment, double: str) -> None:
    neighbour = ["run", "--rm", "--interactive", "--pull", "never", "--memory", "128m"]
    network = ["--network", f"{seed.project}-models"]
    command = [*neighbour, *network, double, "python3", "-", f"http://{SERVICE}:8000", "text-4b"]
    assert json.loads(docker(*command, stdin=QUESTION)) == EXPECTED


def test_hub_is_read_only_inside(seed: Deployment) -> None:
    write = "open('/root/.cache/huggingface/hub/new', 'w')"
    command = [
        "exec",
        seed.container(SERVICE),
        "python3",
        "-c",
        f"try: {write}\nexcept OSError as e: print(e.strerror)",
    ]
    assert docker(*command) == "Read-only file system"
    assert [path.name for path in seed.hub.iterdir()] == [f"models--{REPO.replace('/', '--')}"]


def test_nothing_beyond_the_host_is_reached(seed: Deployment, double: str) -> None:
    with outside(double):
        # Until Engine 24 the route leads to an address that nobody has; from 25 on there is none.
        assert attempt(seed.container(SERVICE), SERVER) in {"EAGAIN", "EHOSTUNREACH", "ENETUNREACH"}


def test_host_is_not_reached(seed: Deployment, double: str) -> None:
    network = json.loads(docker("network", "inspect", f"{seed.project}-models"))[0]
    bridge = ip_network(network["IPAM"]["Config"][0]["Subnet"])[1]
    with outside(double):
        assert "connected" not in [attempt(seed.container(SERVICE), address) for address in (HOST, str(bridge))]


def test_container_is_as_strict_as_the_file_says(seed: Deployment) -> None:
    found = inspect(seed.container(SERVICE))
    host, config = found["HostConfig"], found["Config"]
    assert config["Entrypoint"] == ["python3", "-m", "vllm.entrypoints.openai.api_server"]
    assert config["Cmd"][:5] == ["--model", REPO, "--served-model-name", "text-4b", REPO]
    assert config["Labels"].items() >= {"modelgen.model": "text-4b", "modelgen.keep": "true"}.items()
    assert host["RestartPolicy"]["Name"] == "no"
    assert not host["PortBindings"]
    assert not any(found["NetworkSettings"]["Ports"].values())
    assert host["CapDrop"] == ["ALL"]
    assert not host["CapAdd"]
    assert not host["Privileged"]
    assert host["SecurityOpt"] == ["no-new-privileges:true"]
    assert host["Init"] is True
    assert host["IpcMode"] != "host"
    assert host["ShmSize"] == 8 * 2**30
    assert host["LogConfig"] == {"Type": "json-file", "Config": {"max-size": "10m", "max-file": "3"}}
    assert list(found["NetworkSettings"]["Networks"]) == [f"{seed.project}-models"]
    mounts = {mount["Destination"]: (mount["Type"], mount["RW"]) for mount in found["Mounts"]}
    assert mounts == {
        "/root/.cache/huggingface/hub": ("bind", False),
        "/root/.cache/vllm": ("volume", True),
    }


def test_plain_up_starts_no_model(seed: Deployment) -> None:
    assert set(seed.run("config", "--services").stdout.split()) == {"orchestrator", "socket-proxy"}
