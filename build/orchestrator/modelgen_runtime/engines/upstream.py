"""Connections to engines, spliced to those of clients."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, cast

import httptools

from modelgen_runtime.engines.engine_errors import ErrorTap
from modelgen_runtime.http.receiver import EngineError

if TYPE_CHECKING:
    from collections.abc import Callable

    from modelgen_runtime.drivers.driver import Endpoint
    from modelgen_runtime.http.receiver import Receiver
    from modelgen_runtime.http.wire import Headers

_HIGH_WATER = 256 * 1024
_MOST_HEAD, _MOST_HEADERS = 256 * 1024, 500
"""Maximum bytes of an answer's head, and of the framing between parts of its body."""
_LOG = logging.getLogger(__name__)
_LENGTHS = frozenset({b"content-length", b"transfer-encoding"})


class Engine(asyncio.Protocol):
    """One connection to an engine, with one request at a time.

    Args:
        endpoint: Address of the engine.
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
        """Return whether another request may be sent on it."""
        is_open = self.transport is not None and not self.transport.is_closing()
        return is_open and self._receiver is None and self.is_reusable

    def begin(self, receiver: Receiver, data: bytes) -> None:
        """Send the start of a request, whose answer goes to `receiver`."""
        self._receiver, self.is_reusable, self._has_head, self._is_stale = receiver, False, False, self.is_kept
        self.write(data)

    def write(self, data: bytes | bytearray) -> None:
        """Send more of the request."""
        if self.transport is not None and not self.transport.is_closing():
            self.transport.write(data)

    def overhear(self, note: Callable[[bytes], None]) -> None:
        """Call `note` with the start of the answer's body once it has ended."""
        if self._receiver is not None:
            self._receiver = ErrorTap(self._receiver, note)

    def abort(self) -> None:
        """Abort, so that the engine notices that the client has left."""
        self._receiver = None
        if self.transport is not None:
            self.transport.abort()

    def pause_reading(self) -> None:
        """Pause reading, since the client does not keep up."""
        if self.transport is not None and not self.transport.is_closing():
            self.transport.pause_reading()

    def resume_reading(self) -> None:
        """Resume reading."""
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
        """Parse received data; data without a request is an error."""
        receiver = self._receiver
        if receiver is None:
            self._close()
            return
        self._is_stale = False
        self._framing_size += len(data)
        try:
            self._parser.feed_data(data)
            if self._receiver is None:  # the answer is complete
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
                _LOG.error("an internal error", exc_info=refused)
                self._break("its answer cannot be passed on")
        except httptools.HttpParserError as error:
            self._break(f"the engine's answer is not HTTP: {error}")

    def eof_received(self) -> bool:
        """Close. This ends an answer without a length."""
        return False

    def connection_lost(self, _: Exception | None) -> None:
        """Notify the receiver, whose answer is now complete or broken."""
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
        """Forward that the engine does not keep up."""
        self.is_congested = True
        if self._receiver is not None:
            self._receiver.pause()

    def resume_writing(self) -> None:
        """Forward that the engine keeps up again."""
        self.is_congested = False
        if self._receiver is not None:
            self._receiver.resume()

    # -- the parser's side --------------------------------------------------------------------------------------------

    def on_message_begin(self) -> None:
        """Reset the head after an interim answer such as 100; a second answer to one request is an error."""
        if self._receiver is None:
            self._close()
        self._headers, self._fields = [], {}

    def on_header(self, name: bytes, value: bytes) -> None:
        """Keep a header. Trailers of a chunked body are dropped."""
        if self._has_head:
            return
        self._headers.append((name, value))
        self._fields[name.lower()] = value

    def on_headers_complete(self) -> None:
        """Forward a head that is not an interim one."""
        if len(self._headers) > _MOST_HEADERS:
            raise EngineError("the head of the engine's answer is too large")
        status = self._parser.get_status_code()
        if not 100 <= status <= 599:
            raise EngineError(f"the engine's answer has the status {status:03}, which is not an HTTP status")
        if status >= 200 and self._receiver is not None:
            self._has_head = True
            self._receiver.on_head(status, self._headers, self._fields)

    def on_body(self, data: bytes) -> None:
        """Forward a part of the body."""
        self._framing_size = 0
        if self._receiver is not None:
            self._receiver.on_data(data)

    def on_message_complete(self) -> None:
        """Forward that the answer is complete, and become available for the next request."""
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
