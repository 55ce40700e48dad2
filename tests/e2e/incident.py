"""The lines of the incident, and two of its kind, put by hand into what modelgen writes; and what vLLM says to each."""

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


def give_api_server_a_positional_model(services: dict[str, Any]) -> None:
    services[SERVICE]["command"].remove("--model")


def give_vllm_serve_the_flag(services: dict[str, Any]) -> None:
    services[SERVICE]["entrypoint"] = ["vllm", "serve"]


NOT_A_REPO_ID = "HFValidationError: Repo id must be in the form"
NOT_ON_DISK = "LocalEntryNotFoundError: "
NOT_POSITIONAL = "With `vllm serve`, you should provide the model as a positional argument"
MISTAKES = [
    pytest.param(name_the_model_by_path, NOT_A_REPO_ID, id="path for a repo id"),
    pytest.param(mount_the_parent_of_the_hub, NOT_ON_DISK, id="parent of the hub mounted"),
    # api_server ignores it and looks up its default model.
    pytest.param(give_api_server_a_positional_model, NOT_ON_DISK, id="positional model for api_server"),
    pytest.param(give_vllm_serve_the_flag, NOT_POSITIONAL, id="--model for vllm serve"),
]


def failure(deployment: Deployment) -> tuple[str, list[str]]:
    """Start the model and wait for its end; return what it said, and which of the reasons are in it."""
    done = deployment.up("text-4b")
    assert done.returncode == 0, done.stderr
    container = deployment.container(SERVICE)
    assert await_exit(container) == 1, logs(container)
    said = logs(container)
    return said, [reason for reason in (NOT_A_REPO_ID, NOT_ON_DISK, NOT_POSITIONAL) if reason in said]
