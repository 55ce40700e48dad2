"""Ask an engine for the tokens of a stream that its client did not ask for, and remove the event that it adds.

Only for engines and releases whose other events are the same with and without it (`asks_usage` of the manifest).
"""

from __future__ import annotations

import json

ROUTES = frozenset({"/v1/chat/completions", "/v1/completions"})
"""Routes on which `stream_options` is known."""
_MOST_BODY = 64 * 1024
"""Bytes of a body that is parsed for it. Larger ones are passed on as they are."""
_MOST_EVENT = 4096
"""Bytes of an incomplete event that are held: the added one has a few hundred."""
_ASK = b'"stream_options":{"include_usage":true},'
_START, _END = b"data: {", b"\n\n"
_EMPTY = b'"choices":[]'


def ask_for_usage(body: bytearray) -> int:
    """Have the engine report the tokens of a stream, and return by how many bytes the body has grown.

    A body is left as it is if it has `stream_options`, asks for no stream, or is too large to be parsed here.

    Args:
        body: The whole body.
    """
    if len(body) > _MOST_BODY or b"stream" not in body:
        return 0
    try:
        read = json.loads(bytes(body))
    except (ValueError, RecursionError):
        return 0  # the engine reports it
    if not isinstance(read, dict) or read.get("stream") is not True or "stream_options" in read:
        return 0
    at = body.index(b"{") + 1
    body[at:at] = _ASK
    return len(_ASK)


class UsageRemoval:
    """Removes the event that has only `usage` from a stream that may be cut anywhere."""

    __slots__ = ("_held", "_is_inside")

    def __init__(self) -> None:
        self._held, self._is_inside = b"", False

    def feed(self, data: bytes) -> bytes:
        """Return what can be passed on of a part of the stream: it ends with an event, or within a long one."""
        data, passed = self._held + data, b""
        if self._is_inside:
            start = data.find(_END) + 2
            if start == 1:
                self._held = data[-1:]
                return data[:-1]
            passed, data, self._is_inside = data[:start], data[start:], False
        stop = data.rfind(_END) + 2 if _END in data else 0
        passed, rest = passed + _without_usage(data[:stop]), data[stop:]
        if len(rest) > _MOST_EVENT:
            self._is_inside, passed, rest = True, passed + rest[:-1], rest[-1:]
        self._held = rest
        return passed

    def end(self) -> bytes:
        """Return what is held of a stream that has ended within an event."""
        held, self._held = self._held, b""
        return held


def _without_usage(events: bytes) -> bytes:
    """Return complete events without the one to remove."""
    if _EMPTY not in events:
        return events
    return b"".join(event + _END for event in events[:-2].split(_END) if not _is_usage(event))


def _is_usage(event: bytes) -> bool:
    if not (event.startswith(_START) and _EMPTY in event):
        return False
    try:
        read = json.loads(event[len(_START) - 1 :])
    except (ValueError, RecursionError):
        return False
    return isinstance(read, dict) and read.get("choices") == [] and isinstance(read.get("usage"), dict)
