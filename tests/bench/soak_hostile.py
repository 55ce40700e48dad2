"""Hostile clients of all kinds: `soak_hostile.py PORT MONOTONIC_END RESULTS`; counts by kind, as one line of JSON.

Each kind comes again and again, from several clients. None of them is answered as it would like to be.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import random
import sys
import time
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable

CHAT = "/v1/chat/completions"
HEALTH = b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n"
MODELS = ("big0", "big1", "small", "flood", "nobody")
MOST_ROUNDS = 10_000
HOLD = 20.0  # seconds that a connection is kept which does nothing
FLOOD = 1_500  # idle connections at once; the orchestrator may have 512 descriptors
LONGEST = 150.0  # seconds of one attempt
MALFORMED = (
    b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",  # TLS
    b"GET\r\n\r\n", b"GET / HTTP/9.9\r\n\r\n", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", b"\x00" * 4096, b"\r\n" * 4096,
    b"GET / HTTP/1.1\r\nHost: localhost\r\nA: " + b"a" * 100_000, b"GET / HTTP/1.1\r\n" + b"A: b\r\n" * 5000,
    b"GET /" + b"a" * 100_000 + b" HTTP/1.1\r\n\r\n", b"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
    b"POST /switch HTTP/1.1\r\nHost: localhost\r\nContent-Length: -1\r\n\r\n",
    b"POST /switch HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    b"POST /switch HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\nZZ\r\n",
    b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\n\r\n",
)  # fmt: skip
Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]


class Hostility:
    """What the clients share."""

    def __init__(self, port: int, end: float) -> None:
        self.port, self.end = port, end
        self.chance, self.opened = random.Random(7), False

    @contextlib.asynccontextmanager
    async def connect(self) -> AsyncIterator[Streams]:
        async with asyncio.timeout(30):
            reader, writer = await asyncio.open_connection("127.0.0.1", self.port, limit=1 << 16)
        try:
            yield reader, writer
        finally:
            writer.transport.abort()

    async def rest(self, seconds: float) -> None:
        """Do nothing, but not beyond the end."""
        await asyncio.sleep(max(0.0, min(seconds, self.end - time.monotonic())))

    async def send(self, streams: Streams, data: bytes, seconds: float = 20.0) -> bytes:
        """Send as much as is taken, and return the first bytes of the answer."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                streams[1].write(data)
                await streams[1].drain()
                return await streams[0].read(65536)
        return b""

    def post(self, body: bytes, *headers: str, path: str = CHAT) -> bytes:
        lines = [f"POST {path} HTTP/1.1", "Host: localhost", f"Content-Length: {len(body)}", *headers, "", ""]
        return "\r\n".join(lines).encode() + body

    def chat(self, *, stream: bool) -> bytes:
        asked = {"messages": [{"role": "user", "content": "hello"}], "stream": stream}
        return self.post(json.dumps(asked | {"model": self.chance.choice(MODELS)}).encode())

    async def trickle(self, data: bytes) -> None:
        """Send a byte a second."""
        async with self.connect() as (_, writer):
            for byte in data[:120]:
                if time.monotonic() > self.end or writer.is_closing():
                    return
                writer.write(bytes([byte]))
                await writer.drain()
                await asyncio.sleep(1)


async def answers_that_nobody_reads(all_: Hostility) -> None:
    async with all_.connect() as (reader, writer):
        reader._transport.pause_reading()  # type: ignore[attr-defined] # noqa: SLF001 - else asyncio reads ahead
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(5):
                while True:
                    writer.write(HEALTH * 1000)
                    await writer.drain()
        await all_.rest(HOLD)


async def streams_that_nobody_reads(all_: Hostility) -> None:
    async with all_.connect() as (reader, writer):
        reader._transport.pause_reading()  # type: ignore[attr-defined] # noqa: SLF001
        writer.write(all_.chat(stream=True))
        await all_.rest(HOLD / 4)


async def slow_head(all_: Hostility) -> None:
    await all_.trickle(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nX-Slow: " + b"x" * 100)


async def slow_body(all_: Hostility) -> None:
    head, _, body = all_.chat(stream=False).partition(b"\r\n\r\n")
    async with all_.connect() as (_, writer):
        writer.write(head + b"\r\n\r\n")
        for byte in body:
            if time.monotonic() > all_.end or writer.is_closing():
                return
            writer.write(bytes([byte]))
            await asyncio.sleep(1)


async def large_body(all_: Hostility) -> None:
    model = all_.chance.choice(MODELS).encode()
    body = b'{"messages": [{"role": "user", "content": "' + b"x" * (24 << 20) + b'"}], "model": "' + model + b'"}'
    async with all_.connect() as streams:
        await all_.send(streams, all_.post(body))


async def deep_body(all_: Hostility) -> None:
    piece = all_.chance.choice((b"[[[[1]]]],", b'{"a":{"b":[]}},', b"[" * 50 + b"]" * 50 + b",", b'"\\\\\\"",'))
    body = b'{"messages": [' + piece * ((8 << 20) // len(piece)) + b'[]], "model": "nobody"}'
    async with all_.connect() as streams:
        await all_.send(streams, all_.post(body))


async def unclosed_body(all_: Hostility) -> None:
    async with all_.connect() as streams:
        await all_.send(streams, all_.post(b'{"a":' + b"[" * (2 << 20)))


async def idle_flood(all_: Hostility) -> None:
    async with contextlib.AsyncExitStack() as stack:
        for _ in range(FLOOD):
            await stack.enter_async_context(all_.connect())
        await all_.rest(HOLD / 2)
    await all_.rest(HOLD / 2)


async def log_follower(all_: Hostility) -> None:
    path = all_.chance.choice(
        ("/logs/flood?follow=1", "/logs/flood?follow=1&lines=10000", "/events", "/logs/big0?follow=1")
    )
    async with all_.connect() as (reader, writer):
        writer.write(f"GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
        await reader.read(100)
        reader._transport.pause_reading()  # type: ignore[attr-defined] # noqa: SLF001
        await all_.rest(HOLD)


async def slow_follower(all_: Hostility) -> None:
    async with all_.connect() as (reader, writer):
        writer.write(b"GET /logs/flood?follow=1 HTTP/1.1\r\nHost: localhost\r\n\r\n")
        for _ in range(200):
            if time.monotonic() > all_.end or not await reader.read(4096):
                return
            await asyncio.sleep(0.1)


async def leaver(all_: Hostility) -> None:
    async with all_.connect() as (_, writer):
        request = all_.chat(stream=all_.chance.random() < 0.5)
        writer.write(request[: all_.chance.choice((10, len(request) - 5, len(request), len(request)))])
        await asyncio.sleep(all_.chance.random() * 0.5)
        if all_.chance.random() < 0.5:
            writer.write_eof()
            await asyncio.sleep(0.1)


async def malformed(all_: Hostility) -> None:
    async with all_.connect() as streams:
        await all_.send(streams, all_.chance.choice(MALFORMED), 2.0)


async def framing_without_body(all_: Hostility) -> None:
    head = f"POST {CHAT} HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n".encode()
    more = all_.chance.choice((b"0\r\nX-Behind: " + b"x" * 300_000, b"1;" + b"e" * 300_000, b"1\r\nx\r\n" * 50_000))
    async with all_.connect() as streams:
        await all_.send(streams, head + more, 5.0)


async def foreign_page(all_: Hostility) -> None:
    origin = all_.chance.choice(("http://evil.example", f"http://127.0.0.1:{all_.port + 1}", "null"))
    request = all_.post(b'{"model_id": "big0"}', f"Origin: {origin}", "Content-Type: text/plain", path="/switch")
    async with all_.connect() as streams:
        all_.opened |= (await all_.send(streams, request)).startswith(b"HTTP/1.1 2")


async def unknown_method(all_: Hostility) -> None:
    line = all_.chance.choice(("BREW /healthz", "DELETE /models", "PROPFIND /", "PUT /switch", "TRACE /status"))
    async with all_.connect() as streams:
        await all_.send(streams, f"{line} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode(), 2.0)


KINDS: dict[Callable[[Hostility], Awaitable[None]], tuple[int, float]] = {
    answers_that_nobody_reads: (4, 1.0),
    streams_that_nobody_reads: (4, 2.0),
    slow_head: (8, 1.0),
    slow_body: (8, 1.0),
    large_body: (3, 3.0),
    deep_body: (1, 3.0),
    unclosed_body: (1, 5.0),
    idle_flood: (1, 5.0),
    log_follower: (8, 1.0),
    slow_follower: (2, 1.0),
    leaver: (8, 0.3),
    malformed: (2, 0.2),
    framing_without_body: (2, 1.0),
    foreign_page: (1, 0.5),
    unknown_method: (1, 0.5),
}
"""How many clients of each kind there are, and how long one rests between two attempts."""


async def attack(all_: Hostility) -> Counter[str]:
    """Return how often each kind has done its worst."""
    done = Counter[str]()

    async def again(kind: Callable[[Hostility], Awaitable[None]], pause: float) -> None:
        for _ in range(MOST_ROUNDS):
            if (left := all_.end - time.monotonic()) < 0:
                return
            with contextlib.suppress(OSError, TimeoutError):
                async with asyncio.timeout(min(LONGEST, left + 5)):
                    await kind(all_)
                done[kind.__name__] += 1
            await all_.rest(pause * (0.5 + all_.chance.random()))

    await asyncio.gather(*(again(kind, pause) for kind, (count, pause) in KINDS.items() for _ in range(count)))
    return done


def main() -> None:
    all_ = Hostility(int(sys.argv[1]), float(sys.argv[2]))
    done = asyncio.run(attack(all_))
    Path(sys.argv[3]).write_text(json.dumps({"done": done, "a foreign page was let in": all_.opened}))


if __name__ == "__main__":
    main()
