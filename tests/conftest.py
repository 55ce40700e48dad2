"""Guards that hold for every test."""

from __future__ import annotations

import socket
from typing import Any

import pytest

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
