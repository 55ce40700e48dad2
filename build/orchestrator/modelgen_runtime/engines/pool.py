"""Idle connections to engines."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING

from modelgen_runtime.engines.upstream import Engine
from modelgen_runtime.http.receiver import EngineError

if TYPE_CHECKING:
    from modelgen_runtime.drivers.driver import Endpoint

_IDLE = 2.0
"""Seconds after which a connection is not reused: engines on uvicorn close idle ones after exactly 5."""
_MOST_IDLE = 128
_PATIENCE = 10.0


class Pool:
    """Idle connections by endpoint. Those of an engine that has stopped are never used for its successor."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._free: dict[Endpoint, list[Engine]] = {}
        self.all = set[Engine]()
        """All connections, including busy ones and those being opened."""

    def take(self, endpoint: Endpoint) -> Engine | None:
        """Return the most recently used idle connection, or None."""
        free = self._free.get(endpoint)
        while free:
            engine = free.pop()
            if engine.is_free and time.monotonic() - engine.idle_since < _IDLE:
                return engine
            engine.abort()
        return None

    async def connect(self, endpoint: Endpoint) -> Engine:
        """Return a new connection; the name is resolved each time, since addresses go from one container to the next.

        Raises:
            EngineError: There is none.
        """
        engine = Engine(endpoint, self.all)
        self.all.add(engine)  # it occupies a descriptor from now on
        try:
            async with asyncio.timeout(_PATIENCE):
                await self._loop.create_connection(lambda: engine, endpoint.host, endpoint.port)
        except (OSError, TimeoutError) as error:
            raise EngineError(f"the engine does not take connections: {error!r}") from error
        finally:
            if engine.transport is None:
                self.all.discard(engine)
        return engine

    def give_back(self, engine: Engine) -> None:
        """Keep a connection for the next request."""
        if (free := self._free.get(engine.endpoint)) is None:
            free = self._free[engine.endpoint] = []
        if engine.is_reusable and len(free) < _MOST_IDLE:
            engine.is_kept, engine.idle_since = True, time.monotonic()
            free.append(engine)
        else:
            engine.abort()

    def sweep(self) -> None:
        """Close connections that have been idle for a while, or that the engine has closed."""
        latest = time.monotonic() - _IDLE
        for endpoint, free in [*self._free.items()]:
            kept = [engine for engine in free if engine.is_free and engine.idle_since >= latest]
            for engine in free:
                if engine not in kept:
                    engine.abort()
            self._free[endpoint] = kept
            if not kept:
                del self._free[endpoint]

    def close(self) -> None:
        """Close all that are free."""
        for free in self._free.values():
            for engine in free:
                engine.abort()
        self._free.clear()
