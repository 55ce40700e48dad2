"""A reply on its way to the socket, and the ways in which it may not get there."""

from __future__ import annotations

import contextlib
import socket
import struct
import time
from http import HTTPStatus
from typing import TYPE_CHECKING

from hub_double.faults import Delivery, cut

if TYPE_CHECKING:
    import threading
    from collections.abc import Iterator

    from hub_double.content import Piece
    from hub_double.log import Request
    from hub_double.messages import Reply

STEP = 1 << 20
TICK = 0.05  # seconds between two pieces of a slow body
SMALL = 1 << 16


class Sender:
    """Sends replies over one connection and counts their bytes."""

    def __init__(self, sock: socket.socket, stopping: threading.Event) -> None:
        self.sock = sock
        self.stopping = stopping

    def send(self, reply: Reply, delivery: Delivery, request: Request, *, close: bool) -> bool:
        """Send it; False when the connection ends with it."""
        request.status = reply.status
        head = _head(reply, close=close)
        if request.method == "HEAD" or reply.status == 304:
            self.sock.sendall(head)
            return not close
        if delivery == Delivery() and (data := _in_memory(reply)) is not None:
            request.sent = reply.size
            self.sock.sendall(head + data)
            return not close
        self.sock.sendall(head)
        self._send_body(reply.body if delivery.after is None else cut(reply.body, delivery.after), delivery, request)
        self._end(delivery)
        return not close and delivery.end is None

    def _send_body(self, body: list[Piece], delivery: Delivery, request: Request) -> None:
        step = max(1, int(delivery.rate * TICK)) if delivery.rate else STEP
        begin, sent = time.monotonic(), 0
        for piece in body:
            for size in self._send_piece(piece, step, request):
                sent += size
                if delivery.rate and self.stopping.wait(max(0, begin + sent / delivery.rate - time.monotonic())):
                    return

    def _send_piece(self, piece: Piece, step: int, request: Request) -> Iterator[int]:
        """Count, send and yield one step after the other; counting first, a client never knows more than the log."""
        steps = [(start, min(start + step, piece.stop)) for start in range(piece.start, piece.stop, step)]
        if isinstance(piece.source, bytes):
            view = memoryview(piece.source)
            for start, stop in steps:
                request.sent += stop - start
                self.sock.sendall(view[start:stop])
                yield stop - start
        else:
            with piece.source.open("rb", buffering=0) as file:
                for start, stop in steps:
                    request.sent += stop - start
                    self.sock.sendfile(file, start, stop - start)
                    yield stop - start

    def _end(self, delivery: Delivery) -> None:
        if delivery.end == "stall":
            with contextlib.suppress(OSError):
                self.sock.recv(1)  # until the client closes, or the double does
        elif delivery.end == "reset":
            time.sleep(TICK)  # a reset overtakes what is still queued
            self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self.sock.close()
        elif delivery.end == "truncate":
            with contextlib.suppress(OSError):
                self.sock.shutdown(socket.SHUT_WR)


def _in_memory(reply: Reply) -> bytes | None:
    """A body that is small enough to leave with its head."""
    if reply.size > SMALL:
        return None
    parts = [piece.source[piece.start : piece.stop] for piece in reply.body if isinstance(piece.source, bytes)]
    return b"".join(parts) if len(parts) == len(reply.body) else None


def _head(reply: Reply, *, close: bool) -> bytes:
    lines = [f"HTTP/1.1 {reply.status} {_phrase(reply.status)}"]
    headers = {"Server": "hub-double", **reply.headers}
    if reply.status != 304:
        headers["Content-Length"] = str(reply.size)
    headers["Connection"] = "close" if close else "keep-alive"
    return "\r\n".join([*lines, *(f"{name}: {value}" for name, value in headers.items()), "", ""]).encode()


def _phrase(status: int) -> str:
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return "Unknown"
