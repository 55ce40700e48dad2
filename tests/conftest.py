"""Guards that hold for every test."""

from __future__ import annotations

import signal
import socket
from typing import Any

import pytest

# A shell ignores Ctrl-C for what it runs in the background, and `nohup` the end of the terminal. Children would inherit
# that, and the tests send them both.
for _number in ("SIGINT", "SIGHUP"):
    if hasattr(signal, _number) and signal.getsignal(getattr(signal, _number)) is signal.SIG_IGN:
        signal.signal(getattr(signal, _number), signal.default_int_handler)

pytest_plugins = ["hub_double.fixtures", "hub_fixtures"]


@pytest.fixture(autouse=True)
def _no_network(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """No test reaches further than loopback from its own process, save those that make networks of Docker's."""
    if request.node.get_closest_marker("docker") is not None:
        return
    connect = socket.socket.connect

    def connect_here(self: socket.socket, address: Any) -> None:  # noqa: ANN401 - an address of any family
        if address[0] != "127.0.0.1":
            raise AssertionError(f"{request.node.nodeid} opened a connection to {address}")
        connect(self, address)

    monkeypatch.setattr(socket.socket, "connect", connect_here)
