"""Connections to engines, spliced to those of clients."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, Protocol, cast

import httptools

from modelgen_runtime.engine_errors import ErrorTap

if TYPE_CHECKING:
    from collections.abc import Callable

    from modelgen_runtime.driver import Endpoint
    from modelgen_runtime.wire import Headers

_HIGH_WATER = 256 * 1024
_MOST_HEAD, _MOST_HEADERS = 256 * 1024, 500
"""Of an answer's head, and of what stands between parts of its body."""
_LOG = logging.getLogger(__name__)
_LENGTHS = frozenset({b"content-length", b"transfer-encoding"})


class EngineError(Exception):
    """An engine cannot be reached, or its answer breaks off; the message is one sentence.

    Args:
        message: That sentence.
        is_stale: Whether the connection had been kept from a request before, and no byte of an answer came.
    """

    def __init__(self, message: str, *, is_stale: bool = False) -> None:
        super().__init__(message)
        self.is_stale = is_stale


class Receiver(Protocol):
    """Who gets an engine's answer, piece by piece."""

    def on_head(self, status: int, headers: Headers, fields: dict[bytes, bytes]) -> None:
        """Take the head; `fields` has the headers by name in lower case."""

    def on_data(self, data: bytes) -> None:
        """Take a part of the body."""

    def flush(self) -> None:
        """Take note that no more has come for now."""

    def on_end(self) -> None:
        """Take note that the answer is whole."""

    def on_broken(self, error: EngineError) -> None:
        """Take note that there will be no more of it."""

    def pause(self) -> None:
        """Send no more for now: the engine does not keep up."""

    def resume(self) -> None:
        """Send on."""


class Engine(asyncio.Protocol):
    """One connection to an engine; one request at a time.

    Args:
        endpoint: Where the engine listens.
        all_: The pool's set of open connections.
    """

    def __init__(self, endpoint: Endpoint, all_: set[Engine]) -> None:
        self._all = all_
        self.endpoint, self.host = endpoint, f"{endpoint.host}:{endpoint.port}".encode()
        self.transport: asyncio.Transport | None = None
        self.idle_since = 0.0
        self._receiver: Receiver | None = None
        self._parser = httptools.HttpResponseParser(self)
        self._headers: Headers = []
        self._fields: dict[bytes, bytes] = {}
        self._has_head = self._is_stale = False
        self._framing_size = 0
        self.is_congested = self.ended_by_close = False
        self.is_reusable = self.is_kept = False

    @property
    def is_free(self) -> bool:
        """Whether another request may be sent on it."""
        is_open = self.transport is not None and not self.transport.is_closing()
        return is_open and self._receiver is None and self.is_reusable

    def begin(self, receiver: Receiver, data: bytes) -> None:
        """Send the begin of a request, whose answer goes to `receiver`."""
        self._receiver, self.is_reusable, self._has_head, self._is_stale = receiver, False, False, self.is_kept
        self.write(data)

    def write(self, data: bytes | bytearray) -> None:
        """Send more of the request."""
        if self.transport is not None and not self.transport.is_closing():
            self.transport.write(data)

    def overhear(self, note: Callable[[bytes], None]) -> None:
        """Give the begin of the body of the answer that comes to `note` as well, once it has ended."""
        if self._receiver is not None:
            self._receiver = ErrorTap(self._receiver, note)

    def abort(self) -> None:
        """Break off: the client has gone, and the engine is to notice."""
        self._receiver = None
        if self.transport is not None:
            self.transport.abort()

    def pause_reading(self) -> None:
        """Take no more of the answer for now: the client does not keep up."""
        if self.transport is not None and not self.transport.is_closing():
            self.transport.pause_reading()

    def resume_reading(self) -> None:
        """Take on."""
        if self.transport is not None and not self.transport.is_closing():
            self.transport.resume_reading()

    # -- asyncio's side -----------------------------------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport."""
        self.transport = cast("asyncio.Transport", transport)
        self.transport.set_write_buffer_limits(high=_HIGH_WATER)
        self.is_reusable = True
        self._all.add(self)

    def data_received(self, data: bytes) -> None:
        """Parse what has come; nothing may come unasked."""
        receiver = self._receiver
        if receiver is None:
            self._close()
            return
        self._is_stale = False
        self._framing_size += len(data)
        try:
            self._parser.feed_data(data)
            if self._receiver is None:  # its answer is whole
                return
            if self._framing_size > _MOST_HEAD:
                self._break("the head of the engine's answer is too large")
            else:
                receiver.flush()
        except httptools.HttpParserUpgrade:
            self._break("the engine wants another protocol")
        except httptools.HttpParserCallbackError as error:
            if isinstance(refused := error.__context__, EngineError):
                self._break(str(refused))
            else:
                _LOG.error("a fault of modelgen", exc_info=refused)
                self._break("its answer cannot be passed on")
        except httptools.HttpParserError as error:
            self._break(f"the engine's answer is not HTTP: {error}")

    def eof_received(self) -> bool:
        """Close; an answer without a length ends this way."""
        return False

    def connection_lost(self, _: Exception | None) -> None:
        """Tell the receiver, whose answer may be whole now or broken."""
        self._all.discard(self)
        receiver, self._receiver = self._receiver, None
        if receiver is None:
            return
        if self._has_head and not self._fields.keys() & _LENGTHS:
            self.ended_by_close = True
            receiver.on_end()
        else:
            why = "the engine closed the connection before its answer was whole"
            receiver.on_broken(EngineError(why, is_stale=self._is_stale))

    def pause_writing(self) -> None:
        """Pass on that the engine does not keep up."""
        self.is_congested = True
        if self._receiver is not None:
            self._receiver.pause()

    def resume_writing(self) -> None:
        """Pass on that it does."""
        self.is_congested = False
        if self._receiver is not None:
            self._receiver.resume()

    # -- the parser's side --------------------------------------------------------------------------------------------

    def on_message_begin(self) -> None:
        """Forget the last head, of an interim answer such as 100; a second answer to one request is nobody's."""
        if self._receiver is None:
            self._close()
        self._headers, self._fields = [], {}

    def on_header(self, name: bytes, value: bytes) -> None:
        """Keep a header; what stands behind a body in chunks goes no further."""
        if self._has_head:
            return
        self._headers.append((name, value))
        self._fields[name.lower()] = value
        if len(self._headers) > _MOST_HEADERS:
            raise EngineError("the head of the engine's answer is too large")

    def on_headers_complete(self) -> None:
        """Pass on a head that is not an interim one."""
        status = self._parser.get_status_code()
        if not 100 <= status <= 599:
            raise EngineError(f"the engine's answer has the status {status:03}, which is not an HTTP status")
        if status >= 200 and self._receiver is not None:
            self._has_head = True
            self._receiver.on_head(status, self._headers, self._fields)

    def on_body(self, data: bytes) -> None:
        """Pass on a part of the body."""
        self._framing_size = 0
        if self._receiver is not None:
            self._receiver.on_data(data)

    def on_message_complete(self) -> None:
        """Pass on that the answer is whole, and be free for the next."""
        if self._parser.get_status_code() < 200:
            return
        receiver, self._receiver = self._receiver, None
        self.is_reusable = self._parser.should_keep_alive()
        self._headers, self._framing_size = [], 0
        if receiver is not None:
            receiver.on_end()

    def _break(self, why: str) -> None:
        receiver, self._receiver = self._receiver, None
        self._close()
        if receiver is not None:
            receiver.on_broken(EngineError(why))

    def _close(self) -> None:
        if self.transport is not None:
            self.transport.abort()
