"""What a test asks to go wrong."""

from __future__ import annotations

import threading
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

from hub_double.content import Piece
from hub_double.log import matches
from hub_double.messages import Call, Host, Reply, bytes_reply, error

if TYPE_CHECKING:
    from hub_double.routes import Route

Kind = Literal[
    "truncate",
    "short",
    "corrupt",
    "reset",
    "slow",
    "stall",
    "norange",
    "otherrange",
    "status",
    "head",
    "api",
    "answer",
]
ENDS: tuple[Kind, ...] = ("truncate", "reset", "stall")


@dataclass
class Fault:
    """One kind of trouble for the requests that match, `left` more times (None: always)."""

    kind: Kind
    value: int
    path: str
    left: int | None
    host: Host | None = None
    retry_after: int | None = None
    reply: Reply | None = None
    ranges: bool = False


@dataclass(frozen=True)
class Delivery:
    """How a body goes out: bytes a second, and how it ends after so many bytes."""

    rate: int | None = None
    end: Kind | None = None
    after: int | None = None


class Faults:
    """The switches.

    `path` is a glob over `namespace/name/file`, or over the path of an /api request; `count` None is always. A fault
    is used up only by a request that it can change: one that cuts after N bytes leaves shorter answers alone. A request
    meets the first fault of a kind, and one of those that end an answer early.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._faults: list[Fault] = []

    def truncate(self, after: int, *, path: str = "*", count: int | None = 1) -> None:
        """Close the connection after so many bytes of a body."""
        self._add(Fault("truncate", after, path, count))

    def short(self, size: int, *, path: str = "*", count: int | None = 1) -> None:
        """Answer completely, with a Content-Length to match, but only so many bytes."""
        self._add(Fault("short", size, path, count))

    def corrupt(self, at: int, *, path: str = "*", count: int | None = 1) -> None:
        """Flip the bits of the byte at this offset of the file, when it is among those asked for."""
        self._add(Fault("corrupt", at, path, count))

    def reset(self, after: int, *, path: str = "*", count: int | None = 1) -> None:
        """Reset the connection (TCP RST) after so many bytes of a body."""
        self._add(Fault("reset", after, path, count))

    def slow(self, rate: int, *, path: str = "*", count: int | None = 1) -> None:
        """Send so many bytes a second."""
        self._add(Fault("slow", rate, path, count))

    def stall(self, after: int, *, path: str = "*", count: int | None = 1) -> None:
        """Send so many bytes of a body, then nothing, until the client closes or the double stops."""
        self._add(Fault("stall", after, path, count))

    def norange(self, *, path: str = "*", count: int | None = 1) -> None:
        """Answer a request for a range with 200 and the whole file."""
        self._add(Fault("norange", 0, path, count))

    def otherrange(self, *, path: str = "*", count: int | None = 1) -> None:
        """Answer a request for a range with 206 and what follows the file's first byte."""
        self._add(Fault("otherrange", 0, path, count))

    def status(
        self,
        status: int,
        *,
        path: str = "*",
        count: int | None = 1,
        retry_after: int | None = None,
        host: Host | None = None,
        ranges: bool = False,
    ) -> None:
        """Refuse a GET of a file, at whichever host it asks first unless one is named; or only one with a range."""
        self._add(Fault("status", status, path, count, host, retry_after, ranges=ranges))

    def head(self, status: int, *, path: str = "*", count: int | None = 1, retry_after: int | None = None) -> None:
        """Refuse a HEAD of a file."""
        self._add(Fault("head", status, path, count, None, retry_after))

    def api(self, status: int, *, path: str = "*", count: int | None = 1, retry_after: int | None = None) -> None:
        """Refuse a request to /api."""
        self._add(Fault("api", status, path, count, None, retry_after))

    def answer(
        self,
        status: int,
        body: bytes,
        *,
        path: str = "*",
        count: int | None = None,
        host: Host | None = None,
        **headers: str,
    ) -> None:
        """Answer something else: a web page, or words of whoever is in the way."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        self._add(Fault("answer", status, path, count, host, reply=bytes_reply(status, body, named)))

    def page(self, title: str, *, status: int = 200, path: str = "*", host: Host | None = None) -> None:
        """Answer with a web page."""
        text = f"<!doctype html><html><head><title>{title}</title></head><body>Log in.</body></html>"
        self.answer(status, text.encode(), path=path, host=host, Content_Type="text/html; charset=utf-8")

    def clear(self) -> None:
        with self._lock:
            self._faults.clear()

    def refusal(self, call: Call, route: Route) -> Reply | None:
        """The answer instead of the true one."""
        if (instead := self._take(("answer",), call, route)) and instead.reply:
            body = [] if call.method == "HEAD" else instead.reply.body
            return Reply(instead.reply.status, dict(instead.reply.headers), list(body))
        if route.is_file and call.method not in {"GET", "HEAD"}:
            return None
        kind: Kind = "api" if not route.is_file else "head" if call.method == "HEAD" else "status"
        if kind == "api" and not call.path.startswith("/api/"):
            return None
        if not (fault := self._take((kind,), call, route)):
            return None
        headers = {} if fault.retry_after is None else {"Retry_After": str(fault.retry_after)}
        return error(fault.value, f"The double was asked for status {fault.value}", **headers)

    def request(self, call: Call, route: Route) -> Call:
        """The call as the double understands it."""
        if not route.has_bytes or "range" not in call.headers:
            return call
        if self._take(("otherrange",), call, route):
            return replace(call, headers=call.headers | {"range": "bytes=1-"})
        if not self._take(("norange",), call, route):
            return call
        return replace(call, headers={name: value for name, value in call.headers.items() if name != "range"})

    def body(self, call: Call, route: Route, reply: Reply) -> tuple[Reply, Delivery]:
        """The reply with its body as it will arrive, and the way it will be sent."""
        if not route.has_bytes or call.method != "GET" or reply.status not in {200, 206}:
            return reply, Delivery()
        piece = reply.body[0]
        if fault := self._take(("corrupt",), call, route, piece.start, piece.stop):
            reply = replace(reply, body=_flipped(piece, fault.value))
        if fault := self._take(("short",), call, route, 0, reply.size):
            reply = replace(reply, body=cut(reply.body, fault.value))
        slow = self._take(("slow",), call, route)
        rate = slow.value if slow else None
        if fault := self._take(ENDS, call, route, 0, reply.size):
            return reply, Delivery(rate, fault.kind, fault.value)
        return reply, Delivery(rate)

    def _add(self, fault: Fault) -> None:
        with self._lock:
            self._faults.append(fault)

    def _take(
        self, kinds: tuple[Kind, ...], call: Call, route: Route, low: int = 0, high: int | None = None
    ) -> Fault | None:
        """The first fault that fits, used up by one: its value is from low to below high."""
        with self._lock:
            for fault in self._faults:
                if fault.kind not in kinds or fault.left == 0 or fault.host not in {None, call.host}:
                    continue
                if fault.ranges and "range" not in call.headers:
                    continue
                if high is not None and not low <= fault.value < high:
                    continue
                if matches(fault.path, route.file or call.path):
                    fault.left = None if fault.left is None else fault.left - 1
                    return fault
        return None


def cut(pieces: list[Piece], size: int) -> list[Piece]:
    """The first so many bytes."""
    kept: list[Piece] = []
    for piece in pieces:
        stop = min(piece.stop, piece.start + size)
        kept.append(piece._replace(stop=stop))
        size -= stop - piece.start
    return kept


def _flipped(piece: Piece, at: int) -> list[Piece]:
    if isinstance(piece.source, bytes):
        byte = piece.source[at]
    else:
        with piece.source.open("rb") as file:
            file.seek(at)
            byte = file.read(1)[0]
    return [piece._replace(stop=at), Piece(bytes([byte ^ 0xFF]), 0, 1), piece._replace(start=at + 1)]
