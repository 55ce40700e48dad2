"""The lines of the incident, put back by hand into what modelgen writes, and what the engine says to each."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from docker_cli import await_exit, logs

if TYPE_CHECKING:
    from deployment import Deployment

SERVICE = "vllm-text"


def name_the_model_by_path(services: dict[str, Any]) -> None:
    command = services[SERVICE]["command"]
    command[command.index("--model") + 1] = "/root/.cache/huggingface/Qwen--Qwen3-4B-Instruct-2507"


def mount_the_parent_of_the_hub(services: dict[str, Any]) -> None:
    (hub,) = (volume for volume in services[SERVICE]["volumes"] if volume["type"] == "bind")
    hub["source"] = hub["source"].removesuffix("/hub")


NOT_A_REPO_ID = "HFValidationError: Repo id must be in the form"
NOT_ON_DISK = "LocalEntryNotFoundError"
LINES = [
    pytest.param(name_the_model_by_path, NOT_A_REPO_ID, id="path for a repo id"),
    pytest.param(mount_the_parent_of_the_hub, NOT_ON_DISK, id="parent of the hub mounted"),
]


def failure(deployment: Deployment) -> str:
    """Start the model, wait for its end, and return what it said; it has to fail once, and stay down."""
    done = deployment.up("text-4b")
    assert done.returncode == 0, done.stderr
    container = deployment.container(SERVICE)
    assert await_exit(container) == 1, logs(container)
    return logs(container)
