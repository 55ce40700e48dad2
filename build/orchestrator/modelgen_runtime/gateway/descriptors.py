"""File descriptors: as many as the system allows, with some kept for engines and for the control API.

The soft limit is 1,024 on most hosts. Without this, 600 streams were enough to answer 502 to clients, and a switch at
that moment stopped the running engine and then had no descriptor to start the next one.
"""

from __future__ import annotations

import contextlib
import resource
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable
    from typing import Protocol

    class Idle(Protocol):
        """The connection of a client."""

        @property
        def idle_since(self) -> float | None:
            """When its last answer was complete; None while a request is pending."""

        def abort(self) -> None:
            """Abort the connection."""


_MOST = 1_048_576
_LEAST_RESERVE, _MOST_RESERVE = 48, 512
_BATCH = 32
"""Number of idle connections that are closed together, so that a flood does not search for each one."""


def raise_limit() -> int:
    """Raise the soft limit of open files to the hard one, and return it."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = _MOST if hard == resource.RLIM_INFINITY else hard
    if soft != resource.RLIM_INFINITY and soft < wanted:
        with contextlib.suppress(OSError, ValueError):  # macOS allows less than it reports
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return _MOST if soft == resource.RLIM_INFINITY else soft


class Descriptors:
    """Limits the number of connections.

    Args:
        limit: Descriptors of the process.
        clients: Connections of clients.
        engines: Connections to engines, including those being opened.
        own: Number of other open descriptors.
    """

    def __init__(self, limit: int, clients: Collection[Idle], engines: Collection[object], own: int) -> None:
        reserve = min(_MOST_RESERVE, max(_LEAST_RESERVE, limit // 8))
        self._for_clients, self._for_engines = limit - own - reserve, limit - own - reserve // 2
        self._clients, self._engines = clients, engines

    def make_room(self) -> bool:
        """Return whether a new connection may stay. Idle connections are closed for it."""
        if self._used <= self._for_clients:
            return True
        idle = _longest_idle(self._clients)
        for connection in idle:
            connection.abort()
        return bool(idle)

    def has_room_for_answer(self, entering: int) -> bool:
        """Return whether one more connection can be accepted, if only to refuse its request."""
        return self._used + entering <= self._for_engines

    @property
    def has_room_for_engine(self) -> bool:
        """Return whether one more connection to an engine may be opened."""
        return self._used <= self._for_engines

    @property
    def _used(self) -> int:
        return len(self._clients) + len(self._engines)


def count_open() -> int:
    """Return the number of open descriptors of this process."""
    for folder in ("/proc/self/fd", "/dev/fd"):
        with contextlib.suppress(OSError):
            return sum(1 for _ in Path(folder).iterdir())
    return _LEAST_RESERVE


def _longest_idle(clients: Iterable[Idle]) -> list[Idle]:
    idle = [(since, number, one) for number, one in enumerate(clients) if (since := one.idle_since) is not None]
    return [one for *_, one in sorted(idle)[:_BATCH]]
