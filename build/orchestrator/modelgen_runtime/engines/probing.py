"""One HTTP request to an engine with a small answer. Size and time are limited."""

from __future__ import annotations

import asyncio
import errno
import socket
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import httptools

if TYPE_CHECKING:
    from collections.abc import Callable

    from modelgen_runtime.drivers.driver import Endpoint

_BODY_BYTES = 1 << 20
_BLOCK_BYTES = 1 << 16


class ProbeError(Exception):
    """There was no complete answer; the message says what happened instead.

    Args:
        message: What happened instead.
        is_ours: Whether the request was not sent because this process has no descriptors left.
    """

    def __init__(self, message: str, *, is_ours: bool = False) -> None:
        super().__init__(message)
        self.is_ours = is_ours


@dataclass(slots=True)
class Answer:
    """The answer of an engine."""

    status: int = 0
    body: bytearray = field(default_factory=bytearray)


async def ask(
    endpoint: Endpoint,
    path: str,
    body: bytes | None = None,
    *,
    seconds: float | None = None,
    on_connect: Callable[[], None] = lambda: None,
) -> Answer:
    """Send a GET, or a POST of JSON, and return the answer.

    Args:
        endpoint: Address of the engine. Each request opens a new connection.
        path: Path and query.
        body: JSON to POST.
        seconds: Timeout for the whole request; None for no limit.
        on_connect: Called when the connection is open.

    Raises:
        ProbeError: There was no whole answer in time.
    """
    is_connected = False

    def note() -> None:
        nonlocal is_connected
        is_connected = True
        on_connect()

    try:
        async with asyncio.timeout(seconds):
            return await _exchange(endpoint, _write_request(endpoint, path, body), note)
    except ConnectionRefusedError as error:
        raise ProbeError("nothing listens yet") from error
    except TimeoutError as error:
        raise ProbeError(silence(path, seconds) if is_connected else _no_connection(endpoint, seconds)) from error
    except socket.gaierror as error:
        raise ProbeError(f"the host name `{endpoint.host}` is not known: {error.strerror}") from error
    except (httptools.HttpParserError, httptools.HttpParserUpgrade) as error:
        raise ProbeError(f"its answer to {path} is not HTTP: {str(error) or type(error).__name__}") from error
    except OSError as error:
        what = f"closed the connection without an answer to {path}" if is_connected else "cannot be connected to"
        is_ours = error.errno in (errno.EMFILE, errno.ENFILE)
        raise ProbeError(f"it {what}: {error.strerror or error}", is_ours=is_ours) from error


def silence(path: str, seconds: float | None) -> str:
    """Return the description of an engine that accepts connections but does not answer."""
    limit = "" if seconds is None else f" within {seconds:g} s"
    return f"its port accepts connections, but {path} was not answered{limit}"


def _no_connection(endpoint: Endpoint, seconds: float | None) -> str:
    return f"{endpoint.host}:{endpoint.port} accepted no connection within {seconds:g} s"


def _write_request(endpoint: Endpoint, path: str, body: bytes | None) -> bytes:
    head = f"{'GET' if body is None else 'POST'} {path} HTTP/1.1\r\nhost: {endpoint.host}:{endpoint.port}\r\n"
    if body is not None:
        head += f"content-type: application/json\r\ncontent-length: {len(body)}\r\n"
    return f"{head}accept: application/json\r\nconnection: close\r\n\r\n".encode() + (body or b"")


async def _exchange(endpoint: Endpoint, request: bytes, on_connect: Callable[[], None]) -> Answer:
    reader, writer = await asyncio.open_connection(endpoint.host, endpoint.port)
    try:
        on_connect()
        writer.write(request)
        received = _Received()
        parser = httptools.HttpResponseParser(received)
        while not received.is_whole and (block := await reader.read(_BLOCK_BYTES)):
            parser.feed_data(block)
            if len(received.answer.body) > _BODY_BYTES:
                raise ProbeError(f"its answer is longer than {_BODY_BYTES} bytes")
        if not received.has_head:
            raise ProbeError("it closed the connection without an answer")
        received.answer.status = parser.get_status_code()
        return received.answer
    finally:
        writer.transport.abort()


class _Received:
    """Callbacks of the parser."""

    def __init__(self) -> None:
        self.answer = Answer()
        self.has_head = self.is_whole = False

    def on_headers_complete(self) -> None:
        self.has_head = True

    def on_body(self, block: bytes) -> None:
        self.answer.body += block

    def on_message_complete(self) -> None:
        self.is_whole = True
