"""The answer to one request, as it goes to the client: an engine's, piece by piece, or one of our own."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Protocol

from modelgen_runtime import problems, wire
from modelgen_runtime.handler import Response

if TYPE_CHECKING:
    from collections.abc import Callable

    from modelgen_runtime.admission import RefusedError
    from modelgen_runtime.exchange import Exchange

_BEAT = b": the model is loading\n\n"
_FIXED = frozenset({b"content-length", b"content-encoding"})
"""With these headers, nothing can be added to a stream of events."""
_MOST_ERROR = 64 * 1024
_WITH_LAST_EVENT = ("/v1/chat/completions", "/v1/completions", "/v1/messages", "/v1/responses")
_LAST_EVENTS = (b"[DONE]", b"message_stop", b"response.completed", b"response.incomplete", b"response.failed")
_ERRORS = (b'{"error"', b'{"object":"error"', b'{"type":"error"', b'{"type": "error"')


class Client(Protocol):
    """The connection that a request came on."""

    is_extra: bool
    """Whether there was no room for it, so that nothing but the control API answers it."""

    def write(self, data: bytes) -> None:
        """Send."""

    async def drain(self) -> None:
        """Return once the client keeps up."""

    def pause(self) -> None:
        """Read no more for now."""

    def resume(self) -> None:
        """Read on."""

    def abort(self) -> None:
        """Break off, so that nobody takes what was sent for a whole answer."""

    def finish(self, exchange: Exchange) -> None:
        """Go on with the next request, or close."""


def _ignore() -> None:
    """What is done once need not be done again."""


class Answer:
    """An answer on its way.

    Args:
        client: To whom.
        path: Of the request; it says in what shape errors are read.
        is_head: Whether only a head is asked for.
        is_old: Whether the request is of HTTP/1.0, which knows no chunks.
        keeps_alive: Whether the client would send another request.
        on_done: Told once the answer is whole, or has broken off.
    """

    __slots__ = (
        "_before_last", "_client", "_error_of_engine", "_held_head", "_in_chunks", "_is_beating", "_is_head", "_is_old",
        "_last", "_on_done", "_path", "is_done", "is_event_stream", "keeps_alive", "page_lines", "sent", "status",
    )  # fmt: skip

    def __init__(  # noqa: PLR0913 - what a head says
        self, client: Client, path: str, on_done: Callable[[], None], *, is_head: bool, is_old: bool, keeps_alive: bool
    ) -> None:
        self._client, self._path, self._on_done = client, path, on_done
        self._is_head, self._is_old, self.keeps_alive = is_head, is_old, keeps_alive
        self.status, self.sent, self.is_done = 0, 0, False
        self._in_chunks = self._is_beating = self.is_event_stream = False
        self._held_head = self._last = self._before_last = b""
        self.page_lines = b""
        """Lines of headers for a browser, in whatever is answered."""
        self._error_of_engine: bytearray | None = None

    # -- an engine's --------------------------------------------------------------------------------------------------

    def pass_head(self, status: int, headers: wire.Headers, fields: dict[bytes, bytes]) -> None:
        """Take an engine's head; it is sent with the first of the body, if that has come with it."""
        self.status = status
        is_stream = status == 200 and fields.get(b"content-type", b"").lower().startswith(b"text/event-stream")
        if self._is_beating:
            self._error_of_engine = None if is_stream else bytearray()
            return
        self.is_event_stream = is_stream and not fields.keys() & _FIXED
        has_body, has_length = status not in (204, 304), b"content-length" in fields
        self._in_chunks = has_body and not has_length and not self._is_old
        self.keeps_alive = self.keeps_alive and (has_length or self._in_chunks or not has_body)
        lines = wire.passed_on(headers, fields, wire.OF_ANSWER) + self.page_lines
        self._held_head = wire.response_head(status, lines, chunked=self._in_chunks, close=not self.keeps_alive)

    def pass_data(self, data: bytes) -> None:
        """Send a part of an engine's body on, as it is."""
        self.sent += len(data)
        if self._error_of_engine is not None:
            self._error_of_engine += data[: _MOST_ERROR - len(self._error_of_engine)]
            return
        self._before_last, self._last = self._last, data
        head, self._held_head = self._held_head, b""
        self._client.write(head + (wire.chunk(data) if self._in_chunks else data))

    def flush(self) -> None:
        """Send a head of whose body nothing has come yet."""
        if self._held_head:
            head, self._held_head = self._held_head, b""
            self._client.write(head)

    def complete(self) -> None:
        """End the answer."""
        if self.is_done:
            return
        if self._held_head:
            self.flush()
        if self._error_of_engine is not None:
            event = problems.engine_error_event(self._path, self.status, bytes(self._error_of_engine))
            self._client.write(wire.chunk(event))
        self.is_done = True
        if self._in_chunks:
            self._client.write(wire.LAST_CHUNK)
        done, self._on_done = self._on_done, _ignore  # else each exchange were garbage in a circle, for the collector
        done()

    @property
    def is_cut_stream(self) -> bool:
        """Whether a stream of events lacks the event that its API ends with."""
        end = self._before_last + self._last
        return self.is_event_stream and self._path in _WITH_LAST_EVENT and not any(mark in end for mark in _LAST_EVENTS)

    def error_in_stream(self) -> bytes | None:
        """Return the data of the error event that an engine ended its stream with; vLLM sends `[DONE]` after it."""
        for part in (self._last, self._before_last):
            event = part.partition(b"\n\n")[0].rpartition(b"data: ")
            if event[0] in (b"", b"event: error\n") and event[2].startswith(_ERRORS):
                return event[2]
        return None

    # -- one of our own -----------------------------------------------------------------------------------------------

    async def send(self, response: Response) -> None:
        """Send an answer, whole or chunk by chunk."""
        if isinstance(response.body, bytes):
            self._send_whole(response, response.body)
            return
        if self._is_head:
            self._send_whole(response, b"")
            return
        self.status, self._in_chunks = response.status, not self._is_old
        self.keeps_alive = self.keeps_alive and self._in_chunks
        self._client.write(self._own_head(response))
        async for part in response.body:
            self._client.write(wire.chunk(part) if self._in_chunks else part)
            await asyncio.sleep(0)  # a source that always has more, such as a log, takes turns with everybody else
            await self._client.drain()
        self.complete()

    def refuse(self, refusal: RefusedError) -> None:
        """Send an error: of a stream of events as its last event; any other answer that has begun breaks off."""
        if self.is_done:
            return
        if self._is_beating or self.is_event_stream:
            self.status, self._error_of_engine = refusal.status, None
            self.flush()
            event = problems.error_event(self._path, refusal)
            if not self._last.endswith((b"\n\n", b"\r\n\r\n")):
                event = b"\n\n" + event  # an event that was cut must not swallow this one; empty lines do no harm
            self._client.write(wire.chunk(event) if self._in_chunks else event)
            self.complete()
        elif self.status:
            self.is_done = True
            self._client.abort()
        else:
            extra = (("WWW-Authenticate", "Bearer"),) if refusal.status == 401 else ()
            response = problems.refuse(self._path, refusal, extra)
            assert isinstance(response.body, bytes), "an error is whole"  # noqa: S101 - an invariant
            self._send_whole(response, response.body)

    def beat(self) -> None:
        """Show a client that streams that its model loads; what comes then is a stream, whatever it says."""
        if not self._is_beating:
            self._is_beating = self._in_chunks = True
            self.status = 200
            self._client.write(self._own_head(Response(200, b"", "text/event-stream")))
        self._client.write(wire.chunk(_BEAT))

    def _send_whole(self, response: Response, body: bytes) -> None:
        self.status, self.sent = response.status, len(body)
        lines = wire.own_lines(response, len(body)) + self.page_lines
        head = wire.response_head(response.status, lines, chunked=False, close=not self.keeps_alive)
        self._client.write(head + (b"" if self._is_head else body))
        self.complete()

    def _own_head(self, response: Response) -> bytes:
        lines = wire.own_lines(response, None) + self.page_lines
        return wire.response_head(response.status, lines, chunked=self._in_chunks, close=not self.keeps_alive)
