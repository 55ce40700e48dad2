"""Connections of clients: HTTP/1.1 with strict framing, one request after the other."""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from typing import TYPE_CHECKING, cast

import httptools

from modelgen_runtime.engines.admission import RefusedError
from modelgen_runtime.gateway import problems
from modelgen_runtime.gateway.exchange import Exchange
from modelgen_runtime.gateway.request_head import (
    RequestHead,
    check_head,
    head_without_upgrade,
    is_request_line,
    method_not_allowed,
    not_http,
)
from modelgen_runtime.http import wire
from modelgen_runtime.state import refusals

if TYPE_CHECKING:
    from modelgen_runtime.gateway.front import Front
    from modelgen_runtime.gateway.passing import Passing

_MOST_HEAD = 64 * 1024
_MOST_HEADERS = 200
_HEAD_PATIENCE, _BODY_PATIENCE, _IDLE_PATIENCE = 30.0, 60.0, 75.0
_LEAST_PROGRESS = 64 * 1024
"""Bytes of an incomplete body that have to arrive within `_BODY_PATIENCE`."""
_STALL_PATIENCE = 300.0
_EXTRA_PATIENCE = 2.0
"""Seconds for a request to the control API when connections are short."""
_LINGER, _SHORT_LINGER = 10.0, 0.5
_SLICE, _SLICE_OF_BODY, _MOST_PIPELINED = 16 * 1024, 64 * 1024, 16
"""Bytes that are parsed at a time, and pipelined requests that wait behind the current one."""
_HIGH_WATER = 256 * 1024
_SWEEP = 1.0
_TOO_LARGE = "the head of the request is too large"
_LOG = logging.getLogger(__name__)


class Connection(asyncio.Protocol):
    """The connection of a client.

    Requests that come before the one before is answered wait, unread beyond what has come already.

    Args:
        front: The shared part of all connections.
        all_: The server's set of connections.
    """

    def __init__(self, front: Front, all_: set[Connection]) -> None:
        self._front, self._all = front, all_
        self._transport: asyncio.Transport | None = None
        self._parser = httptools.HttpRequestParser(self)
        self._exchanges: deque[Exchange] = deque()
        self._target, self._head_size, self._parsed_size = b"", 0, 0
        self._headers: wire.Headers = []
        self._fields: dict[bytes, bytes] = {}
        self._in_body = self._is_broken = False
        self._deadline = front.now() + _HEAD_PATIENCE
        self._framing_size = self._progress = 0
        self._unread = b""
        self._is_next_due, self._linger = False, _LINGER
        self.is_extra = False
        self._writable = asyncio.Event()
        self._writable.set()
        self._is_paused, self._stalled_since, self._is_ended = False, 0.0, False

    # -- asyncio's side -----------------------------------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport."""
        self._transport = cast("asyncio.Transport", transport)
        self._transport.set_write_buffer_limits(high=_HIGH_WATER)
        # Before it is in the set: it would be closed first.
        self.is_extra = not self._front.descriptors.make_room()
        if self.is_extra:
            self._deadline = self._front.now() + _EXTRA_PATIENCE
        self._all.add(self)

    def connection_lost(self, _: Exception | None) -> None:
        """Drop the pending requests."""
        self._all.discard(self)
        self._writable.set()
        for exchange in self._exchanges:
            exchange.cancel()
        self._exchanges.clear()

    def data_received(self, data: bytes) -> None:
        """Parse received data, except requests beyond the pipelining limit."""
        if len(data) <= _SLICE and not self._unread:
            self._read(data)
            return
        data = self._unread + data
        self._unread, at = b"", 0
        while at < len(data):
            if len(self._exchanges) > _MOST_PIPELINED and not self._in_body:
                self._unread = data[at:]
                self.pause()
                return
            size = _SLICE_OF_BODY if self._in_body else _SLICE
            self._read(data[at : at + size])
            at += size

    def _read(self, data: bytes) -> None:
        if self._is_broken:
            return
        if not self._in_body:
            self._head_size += len(data)
        self._framing_size += len(data)
        try:
            self._parse(data)
        except httptools.HttpParserCallbackError as error:
            if isinstance(reason := error.__context__, RefusedError):
                self._reject(reason)
            else:
                _LOG.error("an internal error", exc_info=reason)
                self._reject(refusals.fault())
        except httptools.HttpParserInvalidMethodError as error:
            self._reject(method_not_allowed() if is_request_line(data) else not_http(error))
        except httptools.HttpParserError as error:
            self._reject(not_http(error))
        else:
            if self._in_body:
                self._note_progress(len(data))
            elif self._head_size > _MOST_HEAD:
                self._reject(RefusedError(431, "bad_request", _TOO_LARGE))

    def _parse(self, data: bytes) -> None:
        while data:
            try:
                self._parser.feed_data(data)
            except httptools.HttpParserUpgrade as upgrade:
                # Not to change the protocol is a right answer (RFC 9110, 7.8), and Java's client asks for h2c each time
                # it connects. The parser takes the rest for that protocol, so it gets the head again without the offer.
                method, version = self._parser.get_method(), self._parser.get_http_version()
                again = head_without_upgrade(method, self._target, version, self._headers)
                self._parser = httptools.HttpRequestParser(self)
                data = again + data[upgrade.args[0] :]
            else:
                return

    def _note_progress(self, count: int) -> None:
        self._progress += count
        if self._progress >= _LEAST_PROGRESS:
            self._progress, self._deadline = 0, self._front.now() + _BODY_PATIENCE
        if self._framing_size > _MOST_HEAD:
            self._reject(RefusedError(431, "bad_request", "the framing of the request body is too large"))

    def eof_received(self) -> bool:
        """Close, since a client that closes its side has left."""
        return False

    def pause_writing(self) -> None:
        """Forward that the client does not keep up."""
        self._writable.clear()
        self._stalled_since = self._front.now()
        if self._exchanges:
            self._exchanges[0].pause_answer()

    def resume_writing(self) -> None:
        """Forward that the client keeps up again."""
        self._writable.set()
        if self._is_next_due:
            self._begin_next()
        elif self._exchanges:
            self._exchanges[0].resume_answer()

    # -- the parser's side --------------------------------------------------------------------------------------------

    def on_message_begin(self) -> None:
        """Begin a head."""
        self._target, self._headers, self._fields, self._parsed_size = b"", [], {}, 0
        if not self._exchanges and not self.is_extra:
            self._deadline = self._front.now() + _HEAD_PATIENCE

    def on_url(self, url: bytes) -> None:
        """Receive a part of the target."""
        self._target += url

    def on_header(self, name: bytes, value: bytes) -> None:
        """Receive a header. Trailers of a chunked body are dropped."""
        if self._in_body:
            return
        self._headers.append((name, value))
        self._fields[name.lower()] = value
        self._parsed_size += len(name) + len(value)
        if len(self._headers) > _MOST_HEADERS or self._parsed_size > _MOST_HEAD:
            raise RefusedError(431, "bad_request", _TOO_LARGE)

    def on_headers_complete(self) -> None:
        """Begin a request, or queue it behind earlier ones."""
        method, version = self._parser.get_method(), self._parser.get_http_version()
        check_head(method, self._target, version, self._headers, self._fields)
        if self._parser.should_upgrade():
            return
        self._in_body, self._head_size, self._framing_size = True, 0, 0
        self._progress = _LEAST_PROGRESS  # its time limit begins now, unless it is complete
        keeps_alive = self._parser.should_keep_alive()
        head = RequestHead(method, self._target, self._headers, self._fields, version == "1.0", keeps_alive)
        exchange = Exchange(self._front, self, head)
        self._exchanges.append(exchange)
        if len(self._exchanges) == 1 and self._writable.is_set():
            exchange.begin()
        else:
            self._is_next_due = self._is_next_due or len(self._exchanges) == 1
            self.pause()

    def on_body(self, data: bytes) -> None:
        """Forward a part of the body."""
        self._framing_size = 0
        if self._exchanges:
            self._exchanges[-1].receive(data)

    def on_message_complete(self) -> None:
        """Forward that a request is complete."""
        if not self._in_body:  # of a head that is read once more
            return
        self._in_body, self._head_size = False, 0
        if self._exchanges:
            self._exchanges[-1].end()

    # -- the exchange's side ------------------------------------------------------------------------------------------

    def write(self, data: bytes) -> None:
        """Send data."""
        if self._transport is not None and not self._transport.is_closing():
            self._transport.write(data)

    async def drain(self) -> None:
        """Return once the client keeps up."""
        await self._writable.wait()

    def pause(self) -> None:
        """Pause reading."""
        if self._transport is not None and not self._transport.is_closing():
            self._is_paused = True
            self._transport.pause_reading()

    def resume(self) -> None:
        """Resume reading."""
        if self._is_paused and self._transport is not None and not self._transport.is_closing():
            self._is_paused = False
            self._deadline = self._front.now() + _BODY_PATIENCE
            self._transport.resume_reading()

    def abort(self) -> None:
        """Abort the connection."""
        if self._transport is not None:
            self._transport.abort()

    def finish(self, exchange: Passing) -> None:
        """Continue with the next request, or close."""
        if self._exchanges and self._exchanges[0] is exchange:
            self._exchanges.popleft()
        if exchange.closes or self._is_broken or self._front.is_closing or self.is_extra:
            self._linger = _SHORT_LINGER if self.is_extra else self._linger
            self._end(is_read=not self._in_body and not self._is_broken)
            return
        self._deadline = self._front.now() + _IDLE_PATIENCE
        if self._exchanges or self._unread:
            self._is_next_due = True
            # Not from within the previous answer: a thousand requests in one packet would nest as deeply.
            asyncio.get_running_loop().call_soon(self._begin_next)
        else:
            self.resume()

    def _begin_next(self) -> None:
        """Continue with the next request, once the client has read enough of the previous answers."""
        if not (self._is_next_due and self._writable.is_set()) or self._is_broken:
            return
        self._is_next_due = False
        if self._exchanges:
            self._exchanges[0].begin()
            return
        unread, self._unread = self._unread, b""
        self.resume()
        self.data_received(unread)

    def sweep(self, now: float) -> None:
        """Disconnect a client that is too slow, except while it waits for an engine."""
        if not self._writable.is_set() and now > self._stalled_since + _STALL_PATIENCE:
            self.abort()  # it does not read its answer, and occupies a connection to an engine
        if self._is_ended:
            if now > self._deadline:
                self.abort()
            return
        is_waiting = self._is_paused or (bool(self._exchanges) and not self._in_body)
        if now > self._deadline and not is_waiting:
            if self._in_body or self._head_size:
                self._reject(RefusedError(408, "bad_request", "the request did not arrive in time"), _SHORT_LINGER)
            else:
                self.abort()

    def shut(self) -> None:
        """Close after the current answer."""
        if not self._exchanges:
            self._end(is_read=True)

    @property
    def idle_since(self) -> float | None:
        """When the last answer was complete; None while a request is pending."""
        return None if self._exchanges or self._head_size or self._is_ended or self.is_extra else self._deadline

    def _reject(self, refusal: RefusedError, linger: float = _LINGER) -> None:
        """Refuse unreadable data after the current answer; nothing that follows can be trusted."""
        self._is_broken, self._linger = True, linger
        if self._exchanges:
            self._exchanges[0].fail(refusal)
            return
        response = problems.problem_response(refusal)
        assert isinstance(response.body, bytes), "a problem is whole"  # noqa: S101 - an invariant
        lines = wire.own_lines(response, len(response.body))
        self.write(wire.response_head(refusal.status, lines, chunked=False, close=True) + response.body)
        self._end(is_read=False)

    def _end(self, *, is_read: bool) -> None:
        """Close. Further data is read and dropped, since a reset would discard the answer at the client too."""
        self._is_broken = True
        if self._transport is None or self._transport.is_closing():
            return
        if is_read:
            self._transport.close()
            return
        self._is_ended, self._unread = True, b""
        self.resume()
        self._deadline = self._front.now() + self._linger
        if self._linger < _SWEEP:
            asyncio.get_running_loop().call_later(self._linger, self.abort)
        self._transport.write_eof()


async def sweep(connections: set[Connection], front: Front) -> None:
    """Disconnect slow clients, and close idle connections to engines, until cancelled."""
    while True:
        await asyncio.sleep(_SWEEP)
        for connection in [*connections]:
            connection.sweep(front.now())
        front.pool.sweep()
