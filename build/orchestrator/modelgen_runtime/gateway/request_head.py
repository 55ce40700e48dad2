"""Heads of requests: the checks, and the form that the rest of the gateway uses."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

from modelgen_runtime.engines.admission import RefusedError

if TYPE_CHECKING:
    from modelgen_runtime.http.wire import Headers

_TARGET = re.compile(rb"/[!-~]*")
_REQUEST_LINE = re.compile(rb"[!#$%&'*+.^_`|~0-9A-Za-z-]+ [!-~]+ HTTP/1\.[01]\r?\n")
_ONCE = (
    b"host", b"content-length", b"transfer-encoding", b"content-type", b"origin", b"sec-fetch-site",
    b"authorization", b"x-api-key", b"api-key", b"x-goog-api-key",
)  # fmt: skip


class RequestHead(NamedTuple):
    """The head of a request.

    Args:
        method: HTTP method in upper case.
        target: As sent.
        headers: As sent.
        fields: The headers by name in lower case.
        is_old: Whether the version is HTTP/1.0.
        keeps_alive: Whether the client may send another request on the connection.
    """

    method: bytes
    target: bytes
    headers: Headers
    fields: dict[bytes, bytes]
    is_old: bool
    keeps_alive: bool


def check_head(method: bytes, target: bytes, version: str, headers: Headers, fields: dict[bytes, bytes]) -> None:
    """Refuse a head that two parsers could read differently, where httptools accepts it.

    Raises:
        RefusedError: The head is refused.
    """
    if version not in ("1.0", "1.1"):
        raise RefusedError(505, "bad_request", "only HTTP/1.0 and HTTP/1.1 are supported")
    if method == b"CONNECT":  # its target has no path
        raise method_not_allowed()
    if not _TARGET.fullmatch(target):
        raise RefusedError(400, "bad_request", "the target of the request line is not a path")
    if len(fields) < len(headers):
        names = [name.lower() for name, _ in headers]
        if any(names.count(name) > 1 for name in _ONCE):
            raise RefusedError(400, "bad_request", "the request repeats a header that may occur only once")
    if (coding := fields.get(b"transfer-encoding")) is None:
        return
    if coding.strip().lower() != b"chunked" or b"content-length" in fields or version == "1.0":
        raise RefusedError(
            400, "bad_request", "the length of the body is ambiguous; send Content-Length or Transfer-Encoding: chunked"
        )


def method_not_allowed() -> RefusedError:
    """Return the refusal of a method that no path supports."""
    return RefusedError(405, "method_not_allowed", "no path supports this method", allow="GET, HEAD, POST")


def not_http(error: Exception) -> RefusedError:
    """Return the refusal of a request that the parser rejects."""
    return RefusedError(400, "bad_request", f"the request is not HTTP/1.1: {error}")


def is_request_line(data: bytes) -> bool:
    """Return whether data begins with a request line, whose method the parser then does not support."""
    return _REQUEST_LINE.match(data) is not None


def head_without_upgrade(method: bytes, target: bytes, version: str, headers: Headers) -> bytes:
    """Return a head without `Upgrade`, otherwise as sent."""
    lines = [b"%b: %b\r\n" % pair for pair in headers if pair[0].lower() != b"upgrade"]
    return b"%b %b HTTP/%b\r\n%b\r\n" % (method, target, version.encode(), b"".join(lines))
