"""Publish lifecycle events to listeners."""

from __future__ import annotations

import asyncio
import json
import time
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from modelgen_runtime.state.lifecycle import LifecycleEvent

_WAITING = 1000
"""Maximum backlog of a slow listener, which misses further events."""
_SILENCE = 15.0
"""Seconds after which a comment keeps the connection alive."""


class _Listener:
    """The backlog of one listener."""

    def __init__(self) -> None:
        self._waiting: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        self._missed = 0

    def take(self, event: dict[str, Any]) -> None:
        if self._missed or self._waiting.qsize() >= _WAITING:
            self._missed += 1
        else:
            self._waiting.put_nowait(event)

    async def next(self) -> dict[str, Any]:
        """Return the next event, or one with the number of missed events."""
        if self._missed and self._waiting.empty():
            missed, self._missed = self._missed, 0
            return {"kind": "missed", "detail": f"{missed:,} events were left out"}
        return await self._waiting.get()


class Events:
    """Publishes lifecycle events to listeners."""

    def __init__(self) -> None:
        self._listeners: set[_Listener] = set()
        self._count = 0

    def report(self, event: LifecycleEvent) -> None:
        """Publish an event."""
        self._count += 1
        seconds = None if event.seconds is None else round(event.seconds, 3)
        optional = {"model": event.model, "detail": event.detail, "seconds": seconds}
        shown: dict[str, Any] = {"id": self._count, "time": round(time.time(), 3), "kind": event.kind}
        shown |= {key: value for key, value in optional.items() if value is not None}
        for listener in self._listeners:
            listener.take(shown)

    async def stream(self) -> AsyncIterator[bytes]:
        """Yield further events as Server-Sent Events."""
        listener = _Listener()
        self._listeners.add(listener)
        try:
            yield b": listening\n\n"
            while True:
                try:
                    async with asyncio.timeout(_SILENCE):
                        event = await listener.next()
                except TimeoutError:
                    yield b": nothing new\n\n"
                else:
                    yield format_event(event, event["kind"], event.get("id"))
        finally:
            self._listeners.discard(listener)


def format_event(data: object, kind: str | None = None, number: int | None = None) -> bytes:
    """Return one Server-Sent Event; JSON has no line breaks, so it is one `data` line."""
    head = ("" if number is None else f"id: {number}\n") + ("" if kind is None else f"event: {kind}\n")
    return f"{head}data: {json.dumps(data, ensure_ascii=False)}\n\n".encode()
