"""An engine is ready when it says so, and not before."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Awaitable, Callable
from dataclasses import replace

import pytest

from modelgen_runtime.driver import Endpoint, Exit
from modelgen_runtime.readiness import NotReadyError, ask, wait_ready
from runtime_serving import engine

MODEL = engine("a")
Answer = Callable[[str, str], bytes | None]


def reply(status: int, body: str) -> bytes:
    return f"HTTP/1.1 {status} X\r\nContent-Type: application/json\r\n\r\n{body}".encode()


async def with_server(answer: Answer, use: Callable[[Endpoint], Awaitable[None]]) -> None:
    """Answer each request by a function of method and path; None closes without a word."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        method, path, _ = head.decode().split(" ", 2)
        if (data := answer(method, path)) is not None:
            writer.write(data)
        writer.close()
        await writer.wait_closed()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server:
        await use(Endpoint("127.0.0.1", server.sockets[0].getsockname()[1], "g"))


def run(answer: Answer, use: Callable[[Endpoint], Awaitable[None]]) -> None:
    asyncio.run(with_server(answer, use))


async def ready(endpoint: Endpoint, **readiness: object) -> None:
    model = replace(MODEL, readiness=replace(MODEL.readiness, **readiness))  # type: ignore[arg-type]
    await wait_ready(model, endpoint, asyncio.get_running_loop().create_future())


def test_it_waits_for_200_and_the_name() -> None:
    asked: list[str] = []

    def answer(_: str, path: str) -> bytes | None:
        asked.append(path)
        if path == "/health":
            return None if len(asked) < 3 else reply(503 if len(asked) < 5 else 200, "{}")
        return reply(200, '{"data": [{"id": "other"}, {"id": "a"}]}')

    run(answer, ready)
    assert asked == ["/health"] * 5 + ["/v1/models"]


@pytest.mark.parametrize(
    ("listed", "told"),
    [
        (reply(200, '{"data": [{"id": "b"}]}'), "serves b and not `a`"),
        (reply(404, "{}"), "serves nothing and not `a`"),
        (reply(200, "no JSON"), "tells no names"),
        (reply(200, "[]"), "tells no names"),
        (None, "tells no names"),
    ],
)
def test_it_serves_another(listed: bytes | None, told: str) -> None:
    with pytest.raises(NotReadyError, match=told):
        run(lambda _, path: reply(200, "{}") if path == "/health" else listed, ready)


@pytest.mark.parametrize("path", ["/v1/chat/completions", "/v1/completions"])
def test_a_canary_has_to_sing(path: str) -> None:
    def answer(status: int) -> Answer:
        return lambda method, _: reply(status if method == "POST" else 200, '{"data": [{"id": "a"}]}')

    run(answer(200), lambda endpoint: ready(endpoint, canary=path))
    with pytest.raises(NotReadyError, match="answers 500 when asked for a token"):
        run(answer(500), lambda endpoint: ready(endpoint, canary=path))


def test_its_end_is_noticed_at_once() -> None:
    async def check() -> None:
        exited: asyncio.Future[Exit] = asyncio.get_running_loop().create_future()
        with socket.socket() as silent:  # takes connections and never answers
            silent.bind(("127.0.0.1", 0))
            silent.listen()
            waiting = asyncio.ensure_future(
                wait_ready(MODEL, Endpoint("127.0.0.1", silent.getsockname()[1], "g"), exited)
            )
            await asyncio.sleep(0.05)
            exited.set_result(Exit("g", 1))
            with pytest.raises(NotReadyError, match="ended while it was starting"):
                await waiting

    asyncio.run(check())


def test_it_may_take_too_long() -> None:
    with pytest.raises(NotReadyError, match=r"within 0\.1 s; raise `start_timeout`"):
        run(lambda *_: reply(503, "{}"), lambda endpoint: ready(endpoint, timeout=0.1))


@pytest.mark.parametrize("data", [b"", b"hello", b"HTTP/1.1 abc\r\n\r\n", b"SSH-2.0-x\r\n"])
def test_what_is_no_answer(data: bytes) -> None:
    async def use(endpoint: Endpoint) -> None:
        await ask(endpoint, "GET", "/", patience=5.0)

    with pytest.raises(ValueError, match="no answer of HTTP"):
        run(lambda *_: data, use)
