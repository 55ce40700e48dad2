"""The last requests and answers as clients sent and got them, kept in memory for debugging (`capture`)."""

from __future__ import annotations

from collections import OrderedDict
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

MOST_BODY = 64 * 1024
"""Bytes of a body that are shown."""
MARGIN = 1024
"""Further bytes that are kept and not shown, so that a secret across the end is masked too."""
_KEPT = MOST_BODY + MARGIN
_MOST_HEAD = 16 * 1024


class Message:
    """A request or an answer."""

    __slots__ = ("_room", "body", "head", "size")

    def __init__(self) -> None:
        self.head = b""
        """Its headers, one a line, cut like the body."""
        self.body, self._room = bytearray(), _KEPT
        self.size = 0
        """Bytes of its whole body."""

    def note_head(self, headers: Iterable[tuple[bytes, bytes]]) -> None:
        """Keep the headers."""
        if self._room:
            self.head = b"\n".join(name + b": " + value for name, value in headers)[:_MOST_HEAD]

    def add(self, data: bytes | bytearray) -> None:
        """Keep a part of the body, as far as there is room."""
        self.size += len(data)
        if self._room:
            part = data[: self._room]
            self.body += part
            self._room -= len(part)

    def drop(self) -> None:
        """Keep nothing from now on, although more of it may come."""
        self.head, self.body, self._room = b"", bytearray(), 0


class Capture:
    """A request and its answer."""

    __slots__ = ("answer", "request")

    def __init__(self) -> None:
        self.request, self.answer = Message(), Message()


class Captures:
    """Keeps the last requests; one that still runs is dropped like any other when it is not among them.

    Args:
        most: Requests that are kept.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._kept: OrderedDict[int, Capture] = OrderedDict()

    def begin(self, number: int) -> Capture:
        """Keep a request from now on."""
        if len(self._kept) >= self._most:
            _, oldest = self._kept.popitem(last=False)
            oldest.request.drop()
            oldest.answer.drop()
        capture = self._kept[number] = Capture()
        return capture

    def find(self, number: int) -> Capture | None:
        """Return a request that is kept."""
        return self._kept.get(number)


def captures_of(most: int) -> Captures | None:
    """Return where requests are kept; None for none."""
    return Captures(most) if most else None
