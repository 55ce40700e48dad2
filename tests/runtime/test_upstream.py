"""Connections to engines: what is an answer, and when another request may follow."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pytest

from modelgen_runtime.drivers.driver import Endpoint
from modelgen_runtime.engines.pool import Pool
from modelgen_runtime.engines.upstream import Engine
from modelgen_runtime.http.receiver import EngineError

if TYPE_CHECKING:
    from modelgen_runtime.http.wire import Headers

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


@dataclass
class Receiver:
    """Keeps what it gets."""

    status: int = 0
    data: bytes = b""
    error: EngineError | None = None
    done: asyncio.Event = field(default_factory=asyncio.Event)

    def on_head(self, status: int, headers: Headers, fields: dict[bytes, bytes]) -> None:  # noqa: ARG002
        self.status = status

    def on_data(self, data: bytes) -> None:
        self.data += data

    def flush(self) -> None:
        pass

    def on_end(self) -> None:
        self.done.set()

    def on_broken(self, error: EngineError) -> None:
        self.error = error
        self.done.set()

    def pause(self) -> None:
        pass

    def resume(self) -> None:
        pass


async def ask(pool: Pool, endpoint: Endpoint) -> tuple[Receiver, Engine, bool]:
    """Return what an engine answers, its connection, and whether that was used before."""
    receiver, engine = Receiver(), pool.take(endpoint)
    is_kept = engine is not None
    engine = engine or await pool.connect(endpoint)
    engine.begin(receiver, b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n")
    async with asyncio.timeout(10):
        await receiver.done.wait()
    pool.give_back(engine)
    return receiver, engine, is_kept


def talk(*answers: bytes, closes: bool = False) -> list[tuple[int, bytes, str | None, bool]]:
    """Ask once for each answer: status, body, error, and whether the connection was used before."""

    async def run() -> list[tuple[int, bytes, str | None, bool]]:
        left = list(answers)

        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            while left:
                try:
                    await reader.readuntil(b"\r\n\r\n")
                except asyncio.IncompleteReadError:
                    break
                writer.write(left.pop(0))
                if closes:
                    break
            writer.close()

        server = await asyncio.start_server(serve, "127.0.0.1", 0)
        async with server:
            pool, told = Pool(), []
            endpoint = Endpoint("127.0.0.1", server.sockets[0].getsockname()[1], "g")
            for _ in answers:
                receiver, _, is_kept = await ask(pool, endpoint)
                error = str(receiver.error) if receiver.error else None
                told.append((receiver.status, receiver.data, error, is_kept))
            pool.close()
            await asyncio.sleep(0.01)
        return told

    return asyncio.run(run())


def test_a_connection_is_used_again() -> None:
    assert talk(OK, OK) == [(200, b"ok", None, False), (200, b"ok", None, True)]


@pytest.mark.parametrize("more", [OK, OK[:10], OK[:-1], b"HTTP/1.1 100 Continue\r\n\r\n", b"rubbish"])
def test_bytes_behind_an_answer_are_no_answer_to_the_next_request(more: bytes) -> None:
    other = OK.replace(b"ok", b"no")
    first, second = talk(OK + more, other)
    assert first[:2] == (200, b"ok")
    assert second == (200, b"no", None, False)


def test_what_says_close_is_not_used_again() -> None:
    closing = OK.replace(b"OK\r\n", b"OK\r\nConnection: close\r\n")
    assert [one[3] for one in talk(closing, OK)] == [False, False]


def test_an_interim_answer_is_none() -> None:
    assert talk(b"HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n" + OK) == [(200, b"ok", None, False)]


def test_an_answer_may_end_with_its_connection() -> None:
    assert talk(b"HTTP/1.1 200 OK\r\n\r\nall", closes=True) == [(200, b"all", None, False)]


@pytest.mark.parametrize(
    ("answer", "told"),
    [
        (OK[:-1], "before its answer was whole"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhel", "before its answer was whole"),
        (b"", "before its answer was whole"),
        (b"HTTP/1.1 2", "before its answer was whole"),
        (b"SSH-2.0-x\r\n", "is not HTTP"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", "is not HTTP"),
        (b"HTTP/1.1 099 Odd\r\nContent-Length: 2\r\n\r\nok", "has the status 099"),
        (b"HTTP/1.1 999 Odd\r\nContent-Length: 2\r\n\r\nok", "has the status 999"),
        (b"HTTP/1.1 200 OK\r\nX: " + b"x" * 1_000_000 + b"\r\n\r\n", "head of the engine's answer is too large"),
        (b"HTTP/1.1 200 OK\r\n" + b"X: x\r\n" * 1_000 + b"\r\n", "head of the engine's answer is too large"),
        (b"HTTP/1.1 100 Continue\r\n\r\n" * 20_000, "head of the engine's answer is too large"),
        (
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nX: " + b"x" * 1_000_000,
            "head of the engine's answer is too large",
        ),
    ],
)
def test_half_an_answer_is_none(answer: bytes, told: str) -> None:
    [(_, _, error, _)] = talk(answer, closes=True)
    assert error is not None
    assert told in error


def test_nobody_listens() -> None:
    async def run() -> None:
        with pytest.raises(EngineError, match="does not take connections"):
            await Pool().connect(Endpoint("127.0.0.1", 1, "g"))

    asyncio.run(run())


def test_a_connection_counts_from_its_begin() -> None:
    """It takes a descriptor before it is made, and fifty may be begun in one turn."""

    async def run() -> None:
        server = await asyncio.start_server(lambda _, writer: writer.close(), "127.0.0.1", 0)
        async with server:
            pool, endpoint = Pool(), Endpoint("127.0.0.1", server.sockets[0].getsockname()[1], "g")
            tasks = [asyncio.create_task(pool.connect(endpoint)) for _ in range(50)]
            await asyncio.sleep(0)
            assert len(pool.all) == 50
            tasks.append(asyncio.create_task(pool.connect(Endpoint("127.0.0.1", 1, "g"))))
            tasks[0].cancel()
            for made in await asyncio.gather(*tasks, return_exceptions=True):
                if isinstance(made, Engine):
                    made.abort()
            await asyncio.sleep(0.01)
            assert not pool.all

    asyncio.run(run())
