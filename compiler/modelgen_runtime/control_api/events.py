"""Publish lifecycle events to listeners."""

from __future__ import annotations

import asyncio
import json
import time
from collections import deque
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from modelgen_runtime.state.lifecycle import LifecycleEvent

_WAITING = 1000
"""Maximum backlog of a slow listener, which misses further events."""
_SILENCE = 15.0
"""Seconds after which a comment keeps the connection alive."""
_KEPT = 2000
"""Events that are kept for later listeners: about 1 MB."""
_BETWEEN_WAITS = 10.0
"""Seconds between two events about requests that waited for the same model."""


class Listener:
    """The backlog of one listener."""

    def __init__(self) -> None:
        self._waiting: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        self._missed = 0

    def take(self, event: dict[str, Any]) -> None:
        """Add an event, or count it as missed."""
        if self._missed or self._waiting.qsize() >= _WAITING:
            self._missed += 1
        else:
            self._waiting.put_nowait(event)

    async def stream(self, first: bytes = b"") -> AsyncIterator[bytes]:
        """Yield the events as Server-Sent Events, after those that come first; each has its `kind`."""
        yield b": listening\n\n"
        if first:
            yield first
        while True:
            try:
                async with asyncio.timeout(_SILENCE):
                    event = await self._next()
            except TimeoutError:
                yield b": nothing new\n\n"
            else:
                yield format_event(event, event["kind"], event.get("id"))

    async def _next(self) -> dict[str, Any]:
        """Return the next event, or one with the number of missed events."""
        if self._missed and self._waiting.empty():
            missed, self._missed = self._missed, 0
            return {"kind": "missed", "detail": f"{missed:,} events were left out"}
        return await self._waiting.get()


class Events:
    """Publishes lifecycle events to listeners."""

    def __init__(self) -> None:
        self._listeners: set[Listener] = set()
        self._count = 0
        self._kept = deque[dict[str, Any]](maxlen=_KEPT)
        self._waited: dict[str, float] = {}
        """When the last event about a wait for a model was published."""

    def report(self, event: LifecycleEvent) -> None:
        """Publish an event."""
        self._publish(event.kind, event.model, event.detail, event.seconds)

    def note_wait(self, model: str, seconds: float) -> None:
        """Publish that a request has waited for a model, unless that was published a moment ago."""
        now = time.time()
        if not 0 <= now - self._waited.get(model, 0.0) < _BETWEEN_WAITS:
            self._waited[model] = now
            self._publish("waited", model, None, seconds)

    def _publish(self, kind: str, model: str | None, detail: str | None, seconds: float | None) -> None:
        self._count += 1
        optional = {"model": model, "detail": detail, "seconds": None if seconds is None else round(seconds, 3)}
        shown: dict[str, Any] = {"id": self._count, "time": round(time.time(), 3), "kind": kind}
        shown |= {key: value for key, value in optional.items() if value is not None}
        self._kept.append(shown)
        for listener in self._listeners:
            listener.take(shown)

    async def stream(self, after: int | None = None) -> AsyncIterator[bytes]:
        """Yield further events as Server-Sent Events.

        Args:
            after: Number of an event; the later ones of those that are kept come first. None for further events only.
        """
        listener = Listener()
        self._listeners.add(listener)
        kept = [] if after is None else [event for event in self._kept if event["id"] > after]
        try:
            first = b""
            if after is not None:
                events = [*kept, {"kind": "caught_up", "time": round(time.time(), 3)}]
                first = b"".join(format_event(event, event["kind"], event.get("id")) for event in events)
            async for event in listener.stream(first):
                yield event
        finally:
            self._listeners.discard(listener)


def format_event(data: object, kind: str | None = None, number: int | None = None) -> bytes:
    """Return one Server-Sent Event; JSON has no line breaks, so it is one `data` line."""
    head = ("" if number is None else f"id: {number}\n") + ("" if kind is None else f"event: {kind}\n")
    return f"{head}data: {json.dumps(data, ensure_ascii=False)}\n\n".encode()
