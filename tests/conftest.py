"""Guards that hold for every test."""

from __future__ import annotations

import socket

import pytest

pytest_plugins = ["hub_double.fixtures", "hub_fixtures"]


@pytest.fixture(autouse=True)
def _no_network(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """No test reaches the network from its own process; end-to-end tests talk to Docker by its command line."""

    def refuse(*_args: object, **_kwargs: object) -> None:
        raise AssertionError(f"{request.node.nodeid} opened a connection")

    monkeypatch.setattr(socket.socket, "connect", refuse)
