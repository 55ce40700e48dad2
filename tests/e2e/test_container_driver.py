"""The container driver against a real Docker Engine: the conformance of all drivers."""

from __future__ import annotations

import asyncio
import os
from typing import TYPE_CHECKING, Any

import pytest

from container_rig import ContainerRig
from runtime_drivers import BEHAVIOURS

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Iterator

pytest_plugins = ["docker_fixtures"]
pytestmark = pytest.mark.docker


@pytest.fixture
def rig(double: str) -> Iterator[ContainerRig]:
    rig = ContainerRig(double, f"modelgen-e2e-rig-{os.getpid()}")
    yield rig
    rig.remove()


@pytest.mark.parametrize("behave", BEHAVIOURS, ids=lambda behave: behave.__name__)
def test_it_behaves_as_every_driver_does(
    rig: ContainerRig, behave: Callable[[ContainerRig], Coroutine[Any, Any, None]]
) -> None:
    asyncio.run(behave(rig))
