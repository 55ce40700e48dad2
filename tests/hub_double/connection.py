"""One connection: read a call, answer it, read the next."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

from hub_double.faults import Delivery
from hub_double.log import Request
from hub_double.messages import Call, Host, Reply, json_reply
from hub_double.routes import route_of
from hub_double.sending import Sender

if TYPE_CHECKING:
    import socket
    import threading

    from hub_double.hub import Hub

BLOCK = 1 << 16


def converse(sock: socket.socket, host: Host, hub: Hub, stopping: threading.Event) -> None:
    """Answer until one side closes."""
    reader = _Reader(sock)
    sender = Sender(sock, stopping)
    with contextlib.suppress(OSError):
        while call := reader.call(host):
            hub.was_asked.set()
            if stopping.wait(hub.latency) or not _answer(call, hub, sender):
                return


def _answer(call: Call, hub: Hub, sender: Sender) -> bool:
    route = route_of(call)
    path, _, query = call.target.partition("?")
    request = Request(
        method=call.method,
        host=call.host,
        path=path,
        query=query,
        file=route.file,
        range=call.headers.get("range", ""),
        token_sent="authorization" in call.headers,
        token_good=call.token in hub.tokens,
        user_agent=call.headers.get("user-agent", ""),
    )
    close = call.headers.get("connection", "").lower() == "close"
    if route.kind == "control":
        reply, delivery = _control(call, hub), Delivery()
    else:
        hub.log.add(request)
        reply, delivery = hub.reply(call, route)
    with hub.log.answering(call.host):
        return sender.send(reply, delivery, request, close=close)


def _control(call: Call, hub: Hub) -> Reply:
    """`/_double/requests`: the log, for those outside this process."""
    if call.path != "/_double/requests" or call.method not in {"GET", "DELETE"}:
        return json_reply({"error": "there is only GET and DELETE /_double/requests"}, status=404)
    told = hub.log.as_json()
    if call.method == "DELETE":
        hub.clear()
    return json_reply(told)


class _Reader:
    """Takes requests apart; no more of HTTP than clients of the hub speak."""

    def __init__(self, sock: socket.socket) -> None:
        self.sock = sock
        self.buffer = b""

    def call(self, host: Host) -> Call | None:
        """The next request, or None when the client is done."""
        while b"\r\n\r\n" not in self.buffer:
            if not self._more():
                return None
        head, _, self.buffer = self.buffer.partition(b"\r\n\r\n")
        first, *lines = head.decode("latin-1").split("\r\n")
        method, target, _version = first.split(" ")
        pairs = (line.split(":", 1) for line in lines)
        headers = {name.strip().lower(): value.strip() for name, value in pairs}
        length = int(headers.get("content-length", "0"))
        while len(self.buffer) < length:
            if not self._more():
                return None
        body, self.buffer = self.buffer[:length], self.buffer[length:]
        return Call(host, method, target, headers, body)

    def _more(self) -> bool:
        block = self.sock.recv(BLOCK)
        self.buffer += block
        return bool(block)
