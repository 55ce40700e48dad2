"""The listening socket, which accepts no connection while file descriptors are short."""

from __future__ import annotations

import asyncio
import logging
import socket
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

_BACKLOG = 1024
_AT_ONCE = 64
_PAUSE = 0.05
_LOG = logging.getLogger(__name__)


class Door:
    """Accepts connections. Servers of asyncio cannot pause, and spin when descriptors run out.

    Args:
        address: `host:port`, the host an IP address.
        make: Makes the protocol of a connection.
        has_room: Returns whether one more client may be accepted, given the number of accepted clients without a
            protocol yet. Other clients wait in the system's queue.

    Raises:
        OSError: The address cannot be used.
    """

    def __init__(self, address: str, make: Callable[[], asyncio.Protocol], has_room: Callable[[int], bool]) -> None:
        host, _, port = address.rpartition(":")
        host = host.strip("[]")
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        self._loop = asyncio.get_running_loop()
        self._make, self._has_room = make, has_room
        self._socket = socket.create_server((host, int(port)), family=family, backlog=_BACKLOG)
        self._socket.setblocking(False)  # noqa: FBT003 - its only form
        self._tasks = set[asyncio.Task[object]]()
        self._resuming: asyncio.TimerHandle | None = None
        self._loop.add_reader(self._socket, self._accept)

    def close(self) -> None:
        """Accept no more connections. A second call has no effect."""
        if self._resuming is not None:
            self._resuming.cancel()
        if self._socket.fileno() >= 0:
            self._loop.remove_reader(self._socket)
            self._socket.close()

    def _accept(self) -> None:
        for _ in range(_AT_ONCE):
            if not self._has_room(len(self._tasks)):
                self._pause()
                return
            try:
                client, _address = self._socket.accept()
            except (BlockingIOError, ConnectionAbortedError):
                return
            except OSError as error:  # out of descriptors or memory
                _LOG.warning("cannot accept connections for now: %s", error.strerror)
                self._pause()
                return
            task = self._loop.create_task(self._enter(client), name="accept")
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _enter(self, client: socket.socket) -> None:
        try:
            await self._loop.connect_accepted_socket(self._make, client)
        except OSError:  # the client has left
            client.close()

    def _pause(self) -> None:
        self._loop.remove_reader(self._socket)
        self._resuming = self._loop.call_later(_PAUSE, self._loop.add_reader, self._socket, self._accept)
