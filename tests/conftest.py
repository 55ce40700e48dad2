"""Guards that hold for every test."""

from __future__ import annotations

import os
import signal
import socket
import tempfile
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, settings

if TYPE_CHECKING:
    from collections.abc import Collection

# A shell ignores Ctrl-C for what it runs in the background, and `nohup` the end of the terminal. Children would inherit
# that, and the tests send them both.
for _number in ("SIGINT", "SIGHUP"):
    if hasattr(signal, _number) and signal.getsignal(getattr(signal, _number)) is signal.SIG_IGN:
        signal.signal(getattr(signal, _number), signal.default_int_handler)

# A test that draws slowly does so on a busy machine: how long it takes is no property of it.
settings.register_profile("modelgen", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("modelgen")

pytest_plugins = ["hub_double.fixtures", "hub_fixtures"]


def pytest_xdist_auto_num_workers(config: pytest.Config) -> int:
    """Use twice as many processes as cores, since most tests wait; one process where the output has to be seen."""
    if config.option.capture == "no" or config.option.usepdb:
        return 0
    return 2 * (os.cpu_count() or 1)


@pytest.hookimpl(tryfirst=True)  # before xdist reads the groups
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Keep on one worker what shares a Docker Engine, or a fixture that takes long to install."""
    for item in items:
        fixtures: Collection[str] = getattr(item, "fixturenames", ())
        if item.get_closest_marker("docker") is not None:
            item.add_marker(pytest.mark.xdist_group("docker"))
        elif installed := {"clients", "olah_program"}.intersection(fixtures):
            item.add_marker(pytest.mark.xdist_group(min(installed)))


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
