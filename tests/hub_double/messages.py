"""What comes in and what goes out: one call, one reply."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Literal
from urllib.parse import parse_qs, urlsplit

from hub_double.content import Piece

Host = Literal["hub", "cdn"]


@dataclass(frozen=True)
class Call:
    """A request as it was read; names of headers are in lower case."""

    host: Host
    method: str
    target: str
    headers: dict[str, str]
    body: bytes = b""

    @property
    def path(self) -> str:
        """The path, still quoted: a quoted slash is part of a name."""
        return urlsplit(self.target).path

    @property
    def query(self) -> dict[str, list[str]]:
        return parse_qs(urlsplit(self.target).query, keep_blank_values=True)

    def asks(self, name: str) -> bool:
        """Whether a switch in the query is on, as Python, JavaScript or a person write it."""
        return self.query.get(name, [""])[-1].lower() in {"true", "1", "yes"}

    @property
    def token(self) -> str | None:
        scheme, _, value = self.headers.get("authorization", "").partition(" ")
        return value.strip() if scheme.lower() == "bearer" else None


@dataclass
class Reply:
    """A status, headers and a body in pieces; what is computed from them is added when it is sent."""

    status: int
    headers: dict[str, str] = field(default_factory=dict)
    body: list[Piece] = field(default_factory=list)

    @property
    def size(self) -> int:
        return sum(piece.stop - piece.start for piece in self.body)


def bytes_reply(status: int, data: bytes, headers: dict[str, str]) -> Reply:
    return Reply(status, headers, [Piece(data, 0, len(data))])


def json_reply(data: object, headers: dict[str, str] | None = None, status: int = 200) -> Reply:
    kind = {"Content-Type": "application/json; charset=utf-8"}
    return bytes_reply(status, json.dumps(data).encode(), kind | (headers or {}))


def error(status: int, message: str, code: str = "", **headers: str) -> Reply:
    """Refuse as the hub does: the reason is in two headers and in the body."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    if code:
        named["X-Error-Code"] = code
    if status == 401:
        named["WWW-Authenticate"] = 'Bearer realm="Authentication required", charset="UTF-8"'
    return json_reply({"error": message}, {"X-Error-Message": message, **named}, status)


class RefusedError(Exception):
    """A call ends here, with this reply."""

    def __init__(self, reply: Reply) -> None:
        super().__init__(reply.status)
        self.reply = reply
