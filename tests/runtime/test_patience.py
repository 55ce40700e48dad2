"""How long a client may take, played with a clock that is set by hand."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, cast

import pytest

from modelgen_runtime.gateway.access import Access
from modelgen_runtime.gateway.buffers import Buffers
from modelgen_runtime.gateway.descriptors import Descriptors
from modelgen_runtime.gateway.origins import Origins
from modelgen_runtime.gateway.server import Connection

if TYPE_CHECKING:
    from modelgen_runtime.gateway.front import Front

HEAD = b"POST /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\nContent-Length: 10000000\r\n\r\n"


class Clock:
    """A front that only knows the time, and takes any body."""

    descriptors, is_closing = Descriptors(1000, (), (), 0), False
    access = Access((), None, Origins(()))

    def __init__(self) -> None:
        self.time, self.buffers = 0.0, Buffers(2**30)

    def now(self) -> float:
        return self.time

    def judge(self, *_: object) -> tuple[bool, None]:
        return True, None

    def most_bytes(self, *, is_routed: bool) -> int:
        return 2**30 if is_routed else 0


class Transport(asyncio.Transport):
    """A socket whose client reads everything at once."""

    def __init__(self) -> None:
        super().__init__()
        self.written, self.is_aborted, self.is_paused = b"", asyncio.Event(), False

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:
        pass

    def is_closing(self) -> bool:
        return self.is_aborted.is_set()

    def write(self, data: bytes | bytearray | memoryview) -> None:
        self.written += bytes(data)

    def write_eof(self) -> None:
        pass

    def pause_reading(self) -> None:
        self.is_paused = True

    def resume_reading(self) -> None:
        self.is_paused = False

    def abort(self) -> None:
        self.is_aborted.set()


def open_connection() -> tuple[Clock, Transport, Connection]:
    clock, transport = Clock(), Transport()
    connection = Connection(cast("Front", clock), set())
    connection.connection_made(transport)
    return clock, transport, connection


def pass_time(clock: Clock, connection: Connection, seconds: int) -> None:
    for _ in range(seconds):
        clock.time += 1
        connection.sweep(clock.time)


@pytest.mark.parametrize("begun", [b"", HEAD[:-2]])
def test_a_head_that_does_not_come(begun: bytes) -> None:
    async def play() -> None:
        clock, transport, connection = open_connection()
        connection.data_received(begun)
        pass_time(clock, connection, 30)
        assert not transport.written
        pass_time(clock, connection, 1)
        assert transport.written.startswith(b"HTTP/1.1 408") == bool(begun)
        async with asyncio.timeout(10):  # and then the socket is closed, without another sweep
            await transport.is_aborted.wait()

    asyncio.run(play())


def test_a_body_that_makes_no_progress() -> None:
    """A byte each second kept a place at the engine for ever."""

    async def play() -> None:
        clock, transport, connection = open_connection()
        connection.data_received(HEAD)
        for _ in range(60):
            connection.data_received(b" ")
            pass_time(clock, connection, 1)
        assert not transport.written
        pass_time(clock, connection, 1)
        assert transport.written.startswith(b"HTTP/1.1 408")

    asyncio.run(play())


def test_a_slow_upload_that_goes_on() -> None:
    async def play() -> None:
        clock, transport, connection = open_connection()
        connection.data_received(HEAD)
        for _ in range(100):
            connection.data_received(b" " * 65536)
            await asyncio.sleep(0)
            assert not transport.is_paused
            pass_time(clock, connection, 55)
        assert not transport.written

    asyncio.run(play())


def test_a_fast_upload_is_read_no_faster_than_it_is_looked_at() -> None:
    """The loop reads up to 8 MB in one turn from who sends fast; to look at all of them took half a second."""

    async def play() -> None:
        _, transport, connection = open_connection()
        connection.data_received(HEAD)
        block, count = b'{"a": [[1]]},' * 20_000, 0
        connection.data_received(b'{"messages": [')
        for _ in range(10):
            while not transport.is_paused and count < 100:
                connection.data_received(block)
                count += 1
            async with asyncio.timeout(10):
                while transport.is_paused:  # noqa: ASYNC110 - it is read on in one of the next turns
                    await asyncio.sleep(0)
        assert count == 10

    asyncio.run(play())
