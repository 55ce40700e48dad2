"""The answer to one request: an engine's, streamed, or one of this server."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Protocol

from modelgen_runtime.gateway import problems
from modelgen_runtime.http import wire
from modelgen_runtime.http.handler import Response

if TYPE_CHECKING:
    from collections.abc import Callable

    from modelgen_runtime.engines.admission import RefusedError
    from modelgen_runtime.gateway.counting import UsageRemoval
    from modelgen_runtime.usage.captures import Capture
    from modelgen_runtime.usage.tokens import Tail

_FIXED = frozenset({b"content-length", b"content-encoding"})
"""With these headers, nothing can be added to a stream of events."""
_MOST_ERROR = 64 * 1024
_WITH_LAST_EVENT = ("/v1/chat/completions", "/v1/completions", "/v1/messages", "/v1/responses")
_LAST_EVENTS = (b"[DONE]", b"message_stop", b"response.completed", b"response.incomplete", b"response.failed")
_DONE = b"data: [DONE]\n\n"
_ERRORS = (b'{"error"', b'{"object":"error"', b'{"type":"error"', b'{"type": "error"')


class Output(Protocol):
    """Where an answer is sent: the connection of its request."""

    def write(self, data: bytes) -> None:
        """Send data."""

    async def drain(self) -> None:
        """Return once the client keeps up."""

    def abort(self) -> None:
        """Abort the connection, so that the answer is not mistaken for a complete one."""


def _ignore() -> None:
    """Ignore the call."""


class Answer:
    """An answer in progress.

    Args:
        client: Connection of the client.
        path: Path of the request, which determines the format of errors.
        is_head: Whether the request is a HEAD.
        is_old: Whether the request is HTTP/1.0, which has no chunks.
        keeps_alive: Whether the client keeps the connection open.
        on_done: Called once the answer is complete or aborted.
    """

    __slots__ = (
        "_before_last",
        "_client",
        "_error_of_engine",
        "_held_head",
        "_in_chunks",
        "_is_beating",
        "_is_head",
        "_is_old",
        "_last",
        "_on_done",
        "_path",
        "capture",
        "is_done",
        "is_event_stream",
        "keeps_alive",
        "page_lines",
        "removal",
        "sent",
        "status",
        "tail",
    )  # fmt: skip

    def __init__(  # noqa: PLR0913 - what a head says
        self, client: Output, path: str, on_done: Callable[[], None], *, is_head: bool, is_old: bool, keeps_alive: bool
    ) -> None:
        self._client, self._path, self._on_done = client, path, on_done
        self._is_head, self._is_old, self.keeps_alive = is_head, is_old, keeps_alive
        self.status, self.sent, self.is_done = 0, 0, False
        self._in_chunks = self._is_beating = self.is_event_stream = False
        self._held_head = self._last = self._before_last = b""
        self.tail: Tail | None = None
        """Notes the end of an engine's answer, if it reports tokens."""
        self.removal: UsageRemoval | None = None
        """Removes the event that the client did not ask for."""
        self.capture: Capture | None = None
        """Keeps what the client sent and gets, for debugging."""
        self.page_lines = b""
        """CORS headers for every answer."""
        self._error_of_engine: bytearray | None = None

    # -- an engine's --------------------------------------------------------------------------------------------------

    def pass_head(self, status: int, headers: wire.Headers, fields: dict[bytes, bytes]) -> bool:
        """Receive an engine's head, and return whether its answer is a stream of events.

        It is sent together with the start of the body, if both arrive together.
        """
        self.status = status
        if self.capture is not None:
            self.capture.answer.note_head(headers)
        is_stream = status == 200 and fields.get(b"content-type", b"").lower().startswith(b"text/event-stream")
        if self._is_beating:
            self._error_of_engine = None if is_stream else bytearray()
            return is_stream
        self.is_event_stream = is_stream and not fields.keys() & _FIXED
        has_body, has_length = status not in (204, 304), b"content-length" in fields
        self._in_chunks = has_body and not has_length and not self._is_old
        self.keeps_alive = self.keeps_alive and (has_length or self._in_chunks or not has_body)
        lines = wire.passed_on(headers, fields, wire.OF_ANSWER) + self.page_lines
        self._held_head = wire.response_head(status, lines, chunked=self._in_chunks, close=not self.keeps_alive)
        return is_stream

    def pass_data(self, data: bytes) -> None:
        """Forward a part of an engine's body unchanged."""
        if self._error_of_engine is not None:
            self._error_of_engine += data[: _MOST_ERROR - len(self._error_of_engine)]
            return
        self._before_last, self._last = self._last, data
        if self.tail is not None:
            self.tail.note(data)
        if self.removal is not None and not (data := self.removal.feed(data)):
            return
        self._send_data(data)

    def _send_data(self, data: bytes) -> None:
        self.sent += len(data)
        if self.capture is not None:
            self.capture.answer.add(data)
        head, self._held_head = self._held_head, b""
        self._client.write(head + (wire.chunk(data) if self._in_chunks else data))

    def flush(self) -> None:
        """Send a head whose body has not begun."""
        if self._held_head:
            head, self._held_head = self._held_head, b""
            self._client.write(head)

    def complete(self) -> None:
        """End the answer."""
        if self.is_done:
            return
        self._release()
        if self._held_head:
            self.flush()
        if self._error_of_engine is not None:
            event = problems.engine_error_event(self._path, self.status, bytes(self._error_of_engine))
            self._send_data(event)
        self.is_done = True
        if self._in_chunks:
            self._client.write(wire.LAST_CHUNK)
        done, self._on_done = self._on_done, _ignore  # avoids a reference cycle for each exchange
        done()

    def _release(self) -> None:
        """Send what is held of an event, since no more of it comes."""
        if self.removal is not None and (rest := self.removal.end()):
            self._send_data(rest)

    @property
    def is_cut_stream(self) -> bool:
        """Return whether an event stream ended without the final event of its API."""
        end = self._before_last + self._last
        return self.is_event_stream and self._path in _WITH_LAST_EVENT and not any(mark in end for mark in _LAST_EVENTS)

    @property
    def is_done_for_client(self) -> bool:
        """Return whether the client has all events of OpenAI's API: some clients then close the connection."""
        return self.is_event_stream and (self._before_last + self._last).endswith(_DONE)

    def error_in_stream(self) -> bytes | None:
        """Return the data of the error event that an engine ended its stream with; vLLM sends `[DONE]` after it."""
        for part in (self._last, self._before_last):
            event = part.partition(b"\n\n")[0].rpartition(b"data: ")
            if event[0] in (b"", b"event: error\n") and event[2].startswith(_ERRORS):
                return event[2]
        return None

    # -- one of our own -----------------------------------------------------------------------------------------------

    async def send(self, response: Response) -> None:
        """Send an answer, at once or in chunks."""
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
            await asyncio.sleep(0)  # yields to other tasks, since a source such as a log may always have more
            await self._client.drain()
        self.complete()

    def refuse(self, refusal: RefusedError) -> None:
        """Send an error: in an event stream as its last event; any other answer that has begun is aborted."""
        if self.is_done:
            return
        if self._is_beating or self.is_event_stream:
            self.status, self._error_of_engine = refusal.status, None
            self._release()
            event = problems.error_event(self._path, refusal)
            if not self._last.endswith((b"\n\n", b"\r\n\r\n")):
                event = b"\n\n" + event  # ends an incomplete event; extra empty lines are harmless
            self._send_data(event)
            self.complete()
        elif self.status:
            self.is_done = True
            self._client.abort()
        else:
            extra = (("WWW-Authenticate", "Bearer"),) if refusal.status == 401 else ()
            response = problems.refuse(self._path, refusal, extra)
            assert isinstance(response.body, bytes), "an error is whole"  # noqa: S101 - an invariant
            self._send_whole(response, response.body)

    def beat(self, message: bytes) -> None:
        """Send a streaming client a message while its model loads. From then on, the answer is an event stream."""
        if not self._is_beating:
            self._is_beating = self._in_chunks = True
            self.status = 200
            self._client.write(self._own_head(Response(200, b"", "text/event-stream")))
        self._send_data(message)

    def _send_whole(self, response: Response, body: bytes) -> None:
        self.status, self.sent = response.status, len(body)
        if self.capture is not None:
            self.capture.answer.add(body)
        lines = wire.own_lines(response, len(body)) + self.page_lines
        head = wire.response_head(response.status, lines, chunked=False, close=not self.keeps_alive)
        self._client.write(head + (b"" if self._is_head else body))
        self.complete()

    def _own_head(self, response: Response) -> bytes:
        lines = wire.own_lines(response, None) + self.page_lines
        return wire.response_head(response.status, lines, chunked=self._in_chunks, close=not self.keeps_alive)
