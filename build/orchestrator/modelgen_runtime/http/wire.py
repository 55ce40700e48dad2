"""HTTP/1.1 heads as bytes, and the headers that are not forwarded."""

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
"""Headers of a request that are rewritten or dropped. An error cannot be appended to a compressed stream."""
OF_ANSWER = _OF_CONNECTION.union(
    b"access-control-" + name
    for name in b"allow-credentials allow-headers allow-methods allow-origin allow-private-network".split()
    + b"expose-headers max-age".split()
)
"""Headers of an answer that are dropped. vLLM allows pages of all origins by default; this server allows none."""


def passed_on(headers: Headers, fields: dict[bytes, bytes], dropped: frozenset[bytes]) -> bytes:
    """Return the lines of the headers to forward.

    Args:
        headers: All headers. Those that `Connection` names are dropped.
        fields: The headers by name in lower case.
        dropped: Names in lower case to drop in any case: at least `OF_REQUEST`, or `OF_ANSWER`.
    """
    connection = fields.get(b"connection")
    if connection is not None and (len(fields) < len(headers) or connection.lower() not in _NAME_NOTHING):
        for name, value in headers:  # may be repeated
            if name.lower() == b"connection" and value.lower() not in _NAME_NOTHING:
                dropped |= {token.strip().lower() for token in value.split(b",")}
    names = fields if len(fields) == len(headers) else [name.lower() for name, _ in headers]
    return b"".join([b"%b: %b\r\n" % pair for name, pair in zip(names, headers, strict=True) if name not in dropped])


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
    """Return the lines of the headers of this server's own answer."""
    framing = ("Content-Length", str(length))
    headers = [("Content-Type", response.content_type)]
    headers += [framing] if length is not None else [("Cache-Control", "no-store"), ("X-Accel-Buffering", "no")]
    if response.status in (204, 304):
        headers = []  # has no body, and must not have a Content-Length of 0 (RFC 9110, 8.6)
    return "".join(f"{name}: {value}\r\n" for name, value in [*headers, *response.headers]).encode("latin-1", "replace")


def chunk(data: bytes) -> bytes:
    """Return a chunk. The data must not be empty, since an empty chunk is the last."""
    return b"%x\r\n%b\r\n" % (len(data), data)
