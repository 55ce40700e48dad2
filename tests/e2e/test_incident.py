"""What goes wrong with a file that differs from the generated one in a single line."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import incident
import pytest
from deployment import REPO, Deployment, deployed, example
from docker_cli import inspect
from hub_cache import write_hub

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

pytest_plugins = ["docker_fixtures"]
pytestmark = pytest.mark.docker


@pytest.fixture
def example_deployment(compose: Sequence[str], engine: None, tmp_path: Path) -> Iterator[Deployment]:  # noqa: ARG001 - the image's name
    """The example, not running."""
    with deployed(compose, tmp_path, example("incident")) as deployment:
        write_hub(deployment.hub, REPO)
        yield deployment


@pytest.mark.parametrize(("change", "reason"), incident.MISTAKES)
def test_engine_ends_at_once_and_says_why(
    example_deployment: Deployment, change: Callable[[dict[str, Any]], None], reason: str
) -> None:
    said, reasons = incident.failure(example_deployment.altered(change))
    assert reasons == [reason], said
    # The incident's containers restarted for ever.
    assert inspect(example_deployment.container(incident.SERVICE))["RestartCount"] == 0


def test_api_server_looks_up_another_model_than_the_positional_one(example_deployment: Deployment) -> None:
    said, _ = incident.failure(example_deployment.altered(incident.give_api_server_a_positional_model))
    assert "looking up model='Qwen/Qwen3-0.6B'" in said


def test_vllm_serve_takes_the_positional_model(example_deployment: Deployment) -> None:
    by_flag = example_deployment.altered(incident.give_vllm_serve_the_flag)
    by_flag.altered(incident.give_api_server_a_positional_model).up_healthy("text-4b")


def test_missing_hub_is_refused_rather_than_created(compose: Sequence[str], engine: None, tmp_path: Path) -> None:  # noqa: ARG001
    with deployed(compose, tmp_path, example("no-hub")) as deployment:
        done = deployment.up("text-4b")
        assert done.returncode != 0
        assert "bind source path does not exist" in done.stderr
        assert str(deployment.hub) in done.stderr
        assert not deployment.hub.parent.exists()
