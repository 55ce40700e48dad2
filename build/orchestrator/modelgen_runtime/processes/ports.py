"""Where engines listen."""

from __future__ import annotations

import secrets
import socket
from itertools import chain

from modelgen_runtime.driver import DriverError

# Below the ports that Linux (32768 and up) and macOS (49152 and up) give to outgoing connections: between the choice
# and the engine's own bind, only a server that was told to listen right there can come in.
_PORTS = range(20_000, 30_000)


def choose_port(taken: set[int]) -> int:
    """Return a port of 127.0.0.1 that nobody listens on.

    Args:
        taken: Given out already, though their engines may not listen yet.

    Raises:
        DriverError: There is none.
    """
    first = secrets.randbelow(len(_PORTS))  # not always the same, which a client of a former engine may still know
    for port in chain(_PORTS[first:], _PORTS[:first]):
        if port not in taken and _is_free(port):
            return port
    raise DriverError(f"no port from {_PORTS.start} to {_PORTS.stop - 1} is free on 127.0.0.1")


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True
