"""A request and a response of the control API, between the server that frames them and the routes that answer."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import AsyncIterator


@dataclass(frozen=True, slots=True)
class Request:
    """A request whose key has been checked and whose body is whole.

    Args:
        method: In capitals.
        path: Decoded, without the query.
        query: As sent, without the `?`.
        body: At most 1 MiB.
    """

    method: str
    path: str
    query: str = ""
    body: bytes = b""


@dataclass(frozen=True, slots=True)
class Response:
    """An answer; a body of chunks is sent as they come, and ends when the client goes.

    Args:
        status: Of HTTP.
        body: Whole, or chunk by chunk.
        content_type: Of the body.
        headers: Further ones.
    """

    status: int
    body: bytes | AsyncIterator[bytes] = b""
    content_type: str = "application/json"
    headers: tuple[tuple[str, str], ...] = field(default=())
