"""When an engine counts as ready, and what is said when it does not become so."""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import socket
import struct
from functools import partial
from typing import TYPE_CHECKING

import pytest

from modelgen_runtime.drivers.driver import Endpoint, Exit
from modelgen_runtime.engines import readiness
from modelgen_runtime.engines.probing import ProbeError, ask
from modelgen_runtime.engines.readiness import ExitedError, LateError, WarmupError, WrongNameError, wait_ready
from modelgen_runtime.manifest import Readiness
from process_rig import ProcessRig
from runtime_drivers import PATIENCE, begun, until
from runtime_serving import engine

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

pytestmark = pytest.mark.slow  # starts processes

CHAT = Readiness("/health", PATIENCE, lists="/v1/models", warmup="/v1/chat/completions")


@pytest.fixture
def rig(tmp_path: Path) -> ProcessRig:
    return ProcessRig(tmp_path)


def become_ready(rig: ProcessRig, *options: str, **fields: object) -> list[str]:
    """Start a fake engine, wait until it is ready, and return the paths that it was asked for until then."""
    model = rig.model("a", *options, **fields)

    async def run() -> list[str]:
        exited: asyncio.Future[Exit] = asyncio.get_running_loop().create_future()
        async with begun(rig, model) as watched:
            endpoint = await watched.driver.start(model)
            telling = asyncio.create_task(tell(watched.exits, exited))
            try:
                await wait_ready(model, endpoint, exited)
                books = await ask(endpoint, "/_control", seconds=PATIENCE)
                return [word for word in books.body.decode().split('"') if word.startswith("/")]
            finally:
                await watched.driver.stop(model)
                telling.cancel()

    return asyncio.run(run())


def never() -> asyncio.Future[Exit]:
    """Return the end of an engine that goes on."""
    return asyncio.get_running_loop().create_future()


async def tell(exits: asyncio.Queue[tuple[str, Exit]], exited: asyncio.Future[Exit]) -> None:
    exited.set_result((await exits.get())[1])


@pytest.mark.parametrize(
    "options",
    [(), ("--listen-after", "0.2"), ("--healthy-after", "0.2"), ("--listed-after", "0.2")],
    ids=["at once", "refused at first", "503 at first", "not listed at first"],
)
def test_an_engine_is_waited_for(rig: ProcessRig, options: tuple[str, ...]) -> None:
    assert become_ready(rig, *options)[-2:] == ["/v1/models", "/_control"]


def test_names_are_asked_for_only_where_the_engine_lists_them(rig: ProcessRig) -> None:
    assert "/v1/models" not in become_ready(rig, readiness=Readiness("/health", PATIENCE))


def test_the_warmup_is_asked_once_and_last(rig: ProcessRig) -> None:
    paths = become_ready(rig, readiness=CHAT)
    assert paths[-2:] == ["/v1/chat/completions", "/_control"]
    assert paths.count("/v1/chat/completions") == 1


@pytest.mark.parametrize(
    "warmup",
    ["/v1/completions", "/v1/messages", "/v1/embeddings", "/v1/rerank", "/embed", "/rerank", "/predict"],
)
def test_the_warmup_speaks_the_language_of_its_path(rig: ProcessRig, warmup: str) -> None:
    assert warmup in become_ready(rig, readiness=dataclasses.replace(CHAT, warmup=warmup))


def test_a_model_without_a_chat_template_is_asked_to_complete_a_text(rig: ProcessRig) -> None:
    said = "default chat template is no longer allowed, so you must provide a chat template"
    failing = ("--fail-inference", "400", "--fail-saying", said, "--answer-all-the-same", "/v1/completions")
    paths = become_ready(rig, *failing, readiness=CHAT)
    assert paths[-3:-1] == ["/v1/chat/completions", "/v1/completions"]


def test_the_warmup_uses_the_name_that_the_engine_knows(rig: ProcessRig) -> None:
    model = engine("a", "--name", "inside", readiness=CHAT, upstream_name="inside")
    assert become_ready(rig, process=model.process, upstream_name="inside", readiness=CHAT)


@pytest.mark.parametrize("code", ["0", "7"])
def test_an_engine_that_ends_is_not_waited_for(rig: ProcessRig, code: str) -> None:
    with pytest.raises(ExitedError, match=r"^ended before it was ready"):
        become_ready(rig, "--exit-at-start", code, readiness=Readiness("/health", 3600.0))


@pytest.mark.parametrize(
    ("options", "seen"),
    [
        (("--healthy-after", "3600"), "/health answers 503"),
        (("--listed-after", "3600"), "/v1/models lists nothing, not `a`"),
        (("--listen-after", "3600"), "nothing listens yet"),
    ],
)
def test_an_engine_that_is_never_ready_is_given_up_with_what_was_seen(
    rig: ProcessRig, options: tuple[str, ...], seen: str
) -> None:
    model = rig.model("a", *options, stop_grace=0.1)

    async def run() -> None:
        async with begun(rig, model) as watched:
            endpoint = await watched.driver.start(model)
            if "--listen-after" not in options:
                await until(lambda: f"listening on {endpoint.port}" in watched.driver.tail("a", 1))
            late = dataclasses.replace(model, readiness=Readiness("/health", 0.5, lists="/v1/models"))
            with pytest.raises(LateError, match=rf"^was not ready within 0\.5 s: {seen}; raise `start_timeout`"):
                await wait_ready(late, endpoint, never())
            await watched.driver.stop(model)

    asyncio.run(run())


def test_an_engine_that_does_not_answer_is_given_up(rig: ProcessRig) -> None:
    with pytest.raises(LateError, match="its port accepts connections, but /health was not answered; raise"):
        become_ready(rig, "--hang-after", "0", readiness=Readiness("/health", 2.0))


def test_what_is_seen_of_an_engine_is_told_apart() -> None:
    async def hang(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        writer.close()

    async def reset(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        raw = writer.get_extra_info("socket")
        raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        writer.transport.abort()

    async def see(endpoint: Endpoint) -> str:
        with pytest.raises(ProbeError) as caught:
            await ask(endpoint, "/health", seconds=1.0)
        return str(caught.value)

    async def run() -> None:
        async with serving(hang) as endpoint:
            assert await see(endpoint) == "its port accepts connections, but /health was not answered within 1 s"
        assert await see(endpoint) == "nothing listens yet"
        async with serving(reset) as endpoint:
            assert (await see(endpoint)).startswith("it closed the connection without an answer to /health: ")
        async with serving(partial(answer, b"SSH-2.0-OpenSSH_9.2\r\n")) as endpoint:
            assert (await see(endpoint)).startswith("its answer to /health is not HTTP: ")
        told = await see(Endpoint("no-such-host.invalid", 80, "g"))
        assert told.startswith("the host name `no-such-host.invalid` is not known: ")

    asyncio.run(run())


def test_an_engine_that_hangs_is_asked_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(readiness, "_PROBE_SECONDS", 0.05)

    async def run() -> None:
        count = 0

        async def hang_once(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            nonlocal count
            count += 1
            if count > 1:
                await answer(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n", reader, writer)
            else:
                await reader.read()
                writer.close()

        async with serving(hang_once) as endpoint:
            await wait_ready(engine("a", readiness=Readiness("/health", PATIENCE)), endpoint, never())
        assert count == 2

    asyncio.run(run())


def test_a_wrong_name_is_said_with_those_that_are_listed(rig: ProcessRig, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(readiness, "_WRONG_NAME_SECONDS", 0.1)
    model = engine("a", "--name", "b", "--name", "c", names=("a", "org/a"))
    with pytest.raises(WrongNameError, match="serves under another name: /v1/models lists `b`, `c`, not `a`, `org/a`"):
        become_ready(rig, process=model.process, names=("a", "org/a"))


@pytest.mark.parametrize("listed", [("alias", "a"), ("alias",)])
def test_one_of_its_names_is_enough(rig: ProcessRig, listed: tuple[str, ...]) -> None:
    options = [word for name in listed for word in ("--name", name)]
    become_ready(rig, process=engine("a", *options).process, names=("a", "alias"))


def test_a_warmup_that_fails_is_told_with_the_engines_words(rig: ProcessRig) -> None:
    with pytest.raises(WarmupError, match=r"/v1/chat/completions answered 500: .*the fake was told to fail"):
        become_ready(rig, "--fail-inference", "500", readiness=CHAT)


def test_an_engine_that_dies_of_its_first_token_has_ended(rig: ProcessRig) -> None:
    with pytest.raises(ExitedError):
        become_ready(rig, "--exit-on-request", "1", readiness=CHAT)


def test_a_warmup_that_closes_the_connection_is_told(rig: ProcessRig) -> None:
    del rig

    async def run() -> None:
        async with serving(only_healthy) as endpoint:
            model = engine("a", readiness=Readiness("/health", PATIENCE, warmup="/v1/completions"))
            with pytest.raises(WarmupError, match="closed the connection without an answer"):
                await wait_ready(model, endpoint, never())

    asyncio.run(run())


@pytest.mark.parametrize(
    ("first", "has", "refusal"),
    [
        (
            "/v1/chat/completions",
            "/v1/embeddings",
            b'{"error": {"message": "The model does not support Chat Completions API"}}',
        ),
        ("/v1/chat/completions", "/v1/rerank", b'{"detail":"Not Found"}'),
        ("/embed", "/rerank", b'{"error": "model is not an embedding model", "error_type": "Backend"}'),
    ],
)
def test_a_model_of_another_kind_is_asked_on_the_route_that_it_has(first: str, has: str, refusal: bytes) -> None:
    asked = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        path = (await reader.readline()).split()[1].decode()
        asked.append(path)
        body, status = (b"{}", 200) if path in ("/health", has) else (refusal, 404)
        await answer(b"HTTP/1.1 %d X\r\ncontent-length: %d\r\n\r\n%b" % (status, len(body), body), reader, writer)

    async def run() -> None:
        async with serving(serve) as endpoint:
            model = engine("a", readiness=Readiness("/health", PATIENCE, warmup=first))
            await wait_ready(model, endpoint, never())

    asyncio.run(run())
    assert (asked[0], asked[1], asked[-1]) == ("/health", first, has)


def test_a_model_without_any_such_route_is_said_to_have_none() -> None:
    refusal = b'{"error": {"message": "The model does not support Chat Completions API"}}'

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        is_health = (await reader.readline()).startswith(b"GET /health")
        body, status = (b"{}", 200) if is_health else (refusal, 400)
        await answer(b"HTTP/1.1 %d X\r\ncontent-length: %d\r\n\r\n%b" % (status, len(body), body), reader, writer)

    async def run() -> None:
        async with serving(serve) as endpoint:
            model = engine("a", readiness=Readiness("/health", PATIENCE, warmup="/v1/chat/completions"))
            with pytest.raises(WarmupError, match="remove `warmup`"):
                await wait_ready(model, endpoint, never())

    asyncio.run(run())


async def only_healthy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    is_health = (await reader.readline()).startswith(b"GET /health")
    await answer(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n" if is_health else b"", reader, writer)


HOSTILE = {
    "no HTTP": b"SSH-2.0-OpenSSH_9.2\r\n",
    "nothing": b"",
    "no end of the head": b"HTTP/1.1 200 OK\r\nx: " + b"a" * 1000,
    "a length that is no number": b"HTTP/1.1 200 OK\r\ncontent-length: x\r\n\r\n",
    "two lengths": b"HTTP/1.1 200 OK\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\nab",
    "a bad chunk": b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n",
    "a switch of protocols": b"HTTP/1.1 101 Switching Protocols\r\nupgrade: x\r\nconnection: upgrade\r\n\r\n",
    "too much": b"HTTP/1.1 200 OK\r\n\r\n" + b"a" * (2 << 20),
}


@pytest.mark.parametrize("data", HOSTILE.values(), ids=HOSTILE.keys())
def test_what_is_no_answer_is_not_taken_for_one(data: bytes) -> None:
    async def run() -> None:
        async with serving(lambda reader, writer: answer(data, reader, writer)) as endpoint:
            with pytest.raises(ProbeError):
                await ask(endpoint, "/health", seconds=PATIENCE)

    asyncio.run(run())


LISTS = {
    "no JSON": b"<html>",
    "deep": b"[" * 100_000,
    "a list": b"[]",
    "no data": b"{}",
    "data is null": b'{"data": null}',
    "data is text": b'{"data": "abc"}',
    "items are numbers": b'{"data": [1, 2]}',
    "items have no id": b'{"data": [{}]}',
    "an id is a list": b'{"data": [{"id": ["a"]}]}',
    "not UTF-8": b'{"data": [{"id": "\xff"}]}',
}


@pytest.mark.parametrize("body", LISTS.values(), ids=LISTS.keys())
def test_a_list_that_is_none_lists_nothing(body: bytes) -> None:
    """A good list ends the wait, but not before it has come."""
    lists = [b'{"data": [{"id": "a"}]}', body, body]

    async def list_names(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        names = lists.pop() if (await reader.readline()).startswith(b"GET /v1/models") else b""
        await answer(b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n%s" % (len(names), names), reader, writer)

    async def run() -> None:
        async with serving(list_names) as endpoint:
            model = engine("a", readiness=Readiness("/health", PATIENCE, lists="/v1/models"))
            await wait_ready(model, endpoint, never())

    asyncio.run(run())
    assert lists == []


async def answer(data: bytes, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Send an answer, whatever was asked, and close."""
    with contextlib.suppress(ConnectionError):  # a client that has had enough
        await reader.readuntil(b"\r\n\r\n")
        writer.write(data)
        await writer.drain()
    writer.close()


@contextlib.asynccontextmanager
async def serving(handle: object) -> AsyncIterator[Endpoint]:
    server = await asyncio.start_server(handle, "127.0.0.1", 0)  # type: ignore[arg-type]
    async with server:
        yield Endpoint("127.0.0.1", server.sockets[0].getsockname()[1], "g")
