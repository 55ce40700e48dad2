"""`publish`: the engine answers on the host, and still reaches nothing outside."""

from __future__ import annotations

import json
import socket
import sys
from typing import TYPE_CHECKING

import chat
import pytest
from deployment import REPO, deployed, example
from docker_cli import docker, run
from hub_cache import write_hub
from outside import SERVER, attempt, outside

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

pytest_plugins = ["docker_fixtures"]
pytestmark = pytest.mark.docker


def test_port_answers_on_the_host_and_nothing_gets_out(
    compose: Sequence[str],
    engine: None,  # noqa: ARG001 - the image's name
    double: str,
    tmp_path: Path,
) -> None:
    port = _free_port()
    toml = example("publish", text_4b=f'publish = "127.0.0.1:{port}"')
    with deployed(compose, tmp_path, toml) as deployment, outside(double):
        write_hub(deployment.hub, REPO)
        deployment.up_healthy("text-4b")
        container = deployment.container("vllm-text")

        networks = docker("inspect", "--format", "{{json .NetworkSettings.Networks}}", container)
        assert set(json.loads(networks)) == {f"{deployment.project}-models", f"{deployment.project}-edge"}
        assert docker("port", container) == f"8000/tcp -> 127.0.0.1:{port}"
        answer = run([sys.executable, chat.__file__, f"http://127.0.0.1:{port}", "text-4b"])
        assert json.loads(answer.stdout)["text"] == f"{REPO} heard hello"

        # There is a route out of the edge network, but none back.
        assert attempt(container, SERVER) == "EAGAIN"


def _free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
        return port
