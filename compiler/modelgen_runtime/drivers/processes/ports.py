"""Choose ports for engines."""

from __future__ import annotations

import secrets
import socket
from itertools import chain

from modelgen_runtime.drivers.driver import DriverError

# Below the ports that Linux (32768 and up) and macOS (49152 and up) give to outgoing connections: between the choice
# and the engine's bind, only a server with this configured port could take it.
_PORTS = range(20_000, 30_000)


def choose_port(taken: set[int]) -> int:
    """Return a free port of 127.0.0.1.

    Args:
        taken: Ports of other engines, which may not listen yet.

    Raises:
        DriverError: There is none.
    """
    first = secrets.randbelow(len(_PORTS))  # random, since clients of an earlier engine may still use its port
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
