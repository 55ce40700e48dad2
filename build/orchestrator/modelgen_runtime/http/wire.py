"""HTTP/1.1 on the wire: heads as bytes, and which headers go no further than one connection."""

from __future__ import annotations

import http
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from modelgen_runtime.http.handler import Response

Headers = list[tuple[bytes, bytes]]


CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"
LAST_CHUNK = b"0\r\n\r\n"
_REASONS = {status.value: status.phrase.encode() for status in http.HTTPStatus}
_OF_CONNECTION = frozenset(
    b"connection http2-settings keep-alive proxy-connection te trailer transfer-encoding upgrade".split()
)
_NAME_NOTHING = (b"keep-alive", b"close")
OF_REQUEST = _OF_CONNECTION | {b"host", b"content-length", b"expect", b"proxy-authorization", b"accept-encoding"}
"""What of a request is written anew for an engine, or kept from it: to a compressed stream no reason can be added."""
OF_ANSWER = _OF_CONNECTION.union(
    b"access-control-" + name
    for name in b"allow-credentials allow-headers allow-methods allow-origin allow-private-network".split()
    + b"expose-headers max-age".split()
)
"""What of an answer goes no further; vLLM lets the pages of all other sites read its answers, and this address none."""


def passed_on(headers: Headers, fields: dict[bytes, bytes], dropped: frozenset[bytes]) -> bytes:
    """Return the lines of the headers that go further than one connection.

    Args:
        headers: All; the lines of `Connection` may name others that go no further.
        fields: The same by name in lower case.
        dropped: Names in lower case of those that go no further in any case: `OF_REQUEST` or more, or `OF_ANSWER`.
    """
    connection = fields.get(b"connection")
    if connection is not None and (len(fields) < len(headers) or connection.lower() not in _NAME_NOTHING):
        for name, value in headers:  # it may stand several times
            if name.lower() == b"connection" and value.lower() not in _NAME_NOTHING:
                dropped |= {token.strip().lower() for token in value.split(b",")}
    return b"".join([name + b": " + value + b"\r\n" for name, value in headers if name.lower() not in dropped])


def request_head(target: bytes, host: bytes, lines: bytes, length: int | None) -> bytes:
    """Return the head of a POST to an engine; `length` is None for a body in chunks."""
    framing = b"Transfer-Encoding: chunked" if length is None else b"Content-Length: %d" % length
    return b"POST %b HTTP/1.1\r\nHost: %b\r\n%b%b\r\n\r\n" % (target, host, lines, framing)


def response_head(status: int, lines: bytes, *, chunked: bool, close: bool) -> bytes:
    """Return the head of an answer to a client."""
    framing = b"Transfer-Encoding: chunked\r\n" if chunked else b""
    end = b"Connection: close\r\n\r\n" if close else b"\r\n"
    return b"HTTP/1.1 %d %b\r\n%b%b%b" % (status, _REASONS.get(status, b""), lines, framing, end)


def own_lines(response: Response, length: int | None) -> bytes:
    """Return the lines of the headers of an answer of our own."""
    framing = ("Content-Length", str(length))
    headers = [("Content-Type", response.content_type)]
    headers += [framing] if length is not None else [("Cache-Control", "no-store"), ("X-Accel-Buffering", "no")]
    if response.status == 204:
        headers = []  # it has no body, and must not tell a length
    return "".join(f"{name}: {value}\r\n" for name, value in [*headers, *response.headers]).encode("latin-1", "replace")


def chunk(data: bytes) -> bytes:
    """Return a chunk; an empty one would be the last."""
    return b"%x\r\n%b\r\n" % (len(data), data)
