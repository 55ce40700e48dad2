"""Requests and responses of the control API, as the server passes them to the routes."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping


class Caller(Protocol):
    """The key of a request."""

    @property
    def role(self) -> str:
        """Its role, `user` or `admin`."""

    @property
    def name(self) -> str:
        """Its name."""

    def may_use(self, *names: str) -> bool:
        """Return whether it may use a model by one of these names."""


@dataclass(frozen=True, slots=True)
class Request:
    """A request with a checked key and a complete body.

    Args:
        method: HTTP method in upper case.
        path: Decoded path without the query.
        query: The query as sent, without `?`.
        body: The body, at most 1 MiB.
        fields: Headers by name in lower case.
        key: The key that it was sent with, or None without keys.
    """

    method: str
    path: str
    query: str = ""
    body: bytes = b""
    fields: Mapping[bytes, bytes] = field(default_factory=dict)
    key: Caller | None = None


@dataclass(frozen=True, slots=True)
class Response:
    """A response. A body in chunks is streamed, and ends when the client leaves.

    Args:
        status: HTTP status.
        body: Bytes, or an iterator of chunks.
        content_type: Media type of the body.
        headers: Further headers.
    """

    status: int
    body: bytes | AsyncIterator[bytes] = b""
    content_type: str = "application/json"
    headers: tuple[tuple[str, str], ...] = field(default=())
