"""Guards that hold for every test."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, settings

import known_environment

if TYPE_CHECKING:
    from collections.abc import Collection, Generator

# A shell ignores Ctrl-C for what it runs in the background, and `nohup` the end of the terminal. Children would inherit
# that, and the tests send them both.
for _number in ("SIGINT", "SIGHUP"):
    if hasattr(signal, _number) and signal.getsignal(getattr(signal, _number)) is signal.SIG_IGN:
        signal.signal(getattr(signal, _number), signal.default_int_handler)

# A test that draws slowly does so on a busy machine: how long it takes is no property of it.
settings.register_profile("modelgen", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("modelgen")

# Folders whose tests start several processes each, or draw many examples.
SLOW = ("browser", "e2e", "fault", "fuzz", "hub")
SHORT_LOOP = "not slow"

pytest_plugins = ["browser_fixtures", "hub_double.fixtures", "hub_fixtures"]


_HOME = pytest.StashKey[str]()


def pytest_configure(config: pytest.Config) -> None:
    """Run the tests in an environment that does not depend on the caller, with an empty home directory."""
    worker_input: dict[str, Any] | None = getattr(config, "workerinput", None)
    if worker_input is not None:
        known_environment.remember_caller(worker_input["caller"])
    elif config.option.numprocesses:
        return  # this process runs no test
    config.stash[_HOME] = tempfile.mkdtemp(prefix="home-")
    known_environment.replace(known_environment.known(config.stash[_HOME]))


def pytest_unconfigure(config: pytest.Config) -> None:
    """Remove the home directory of the tests."""
    if home := config.stash.get(_HOME, None):
        shutil.rmtree(home, ignore_errors=True)


@pytest.hookimpl(wrapper=True)
def pytest_sessionstart() -> Generator[None]:
    """Start the workers of xdist in the known environment, since an interpreter reads some of it only then."""
    with known_environment.temporarily(known_environment.known()):
        return (yield)


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: Any) -> None:  # noqa: ANN401 - xdist has no types
    """Tell a worker the caller's environment."""
    node.workerinput["caller"] = known_environment.caller()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Generator[None, object, object]:
    """Run the tests of a real engine in the caller's environment."""
    if not known_environment.is_real(item):
        return (yield)
    with known_environment.temporarily(known_environment.caller()):
        return (yield)


def pytest_xdist_auto_num_workers(config: pytest.Config) -> int:
    """Use twice as many processes as cores, since most slow tests wait; one process where the output has to be seen."""
    if config.option.capture == "no" or config.option.usepdb:
        return 0
    cores = os.cpu_count() or 1
    return cores + 1 if config.option.markexpr == SHORT_LOOP else 2 * cores


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Do not import what the short loop leaves out."""
    is_slow = collection_path.parent == Path(__file__).parent and collection_path.name in SLOW
    return True if is_slow and config.option.markexpr == SHORT_LOOP else None


@pytest.hookimpl(tryfirst=True)  # before xdist reads the groups
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Keep on one worker what shares a Docker Engine, a browser or a slow installation; mark what is slow."""
    for item in items:
        fixtures: Collection[str] = getattr(item, "fixturenames", ())
        if item.get_closest_marker("docker") is not None:
            item.add_marker(pytest.mark.xdist_group("docker"))
        elif "install" in fixtures:
            item.add_marker(pytest.mark.xdist_group("install"))
        elif "chromium" in fixtures and item.path.parent.name == "browser":
            item.add_marker(pytest.mark.browser)
            item.add_marker(pytest.mark.xdist_group("browser"))
        if item.path.parent.name in SLOW or known_environment.is_real(item):
            item.add_marker(pytest.mark.slow)


@pytest.fixture(autouse=True)
def _no_network(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """No test reaches further than loopback from its own process, save those that make networks of Docker's."""
    if request.node.get_closest_marker("docker") is not None:
        return
    connect = socket.socket.connect

    def connect_here(self: socket.socket, address: Any) -> None:  # noqa: ANN401 - an address of any family
        is_ours = isinstance(address, str) and address.startswith(tempfile.gettempdir())
        if not is_ours and address[0] != "127.0.0.1":
            raise AssertionError(f"{request.node.nodeid} opened a connection to {address}")
        connect(self, address)

    monkeypatch.setattr(socket.socket, "connect", connect_here)
