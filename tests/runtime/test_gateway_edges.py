"""What goes further than one connection and what does not, and connections that end in between."""

from __future__ import annotations

import asyncio
import json
import logging
import socket
from typing import TYPE_CHECKING, cast

import pytest

from modelgen_runtime.gateway.access import Access
from modelgen_runtime.gateway.buffers import Buffers
from modelgen_runtime.gateway.descriptors import Descriptors
from modelgen_runtime.gateway.origins import Origins
from modelgen_runtime.gateway.server import Connection
from runtime_serving import Served, engine, manifest, post, serving

if TYPE_CHECKING:
    from collections.abc import Iterator

    from modelgen_runtime.gateway.front import Front

pytestmark = pytest.mark.slow  # starts processes

BODY = b'{"model": "a", "messages": [{"role": "user", "content": "hello"}]}'


@pytest.fixture(scope="module")
def orchestrator(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    kept = engine("drops", "--drop-kept", gib=0)
    with serving(tmp_path_factory.mktemp("edges"), manifest(engine("a", gib=0), kept)) as served:
        assert served.chat("a")[0] == 200
        yield served


def asked(path: str, *headers: str, body: bytes = BODY) -> bytes:
    return post(path, "Content-Type: application/json", *headers, body=body)


def read_answer(client: socket.socket) -> tuple[bytes, bytes]:
    """Return head and body of an answer that tells its length, and leave what follows it to be read next."""
    head = b""
    while not head.endswith(b"\r\n\r\n"):
        head += receive(client, 1)
    length = int(head.lower().partition(b"content-length: ")[2].split(b"\r\n")[0])
    return head, receive(client, length)


def receive(client: socket.socket, count: int) -> bytes:
    """Return so many bytes and no more."""
    data = b""
    while len(data) < count:
        more = client.recv(count - len(data))
        assert more, "the connection ended in the middle of an answer"
        data += more
    return data


def headers_at_engine(body: bytes) -> dict[str, str]:
    return {name.lower(): value for name, value in json.loads(body)}


@pytest.mark.parametrize("size", [0, 100_000])
def test_another_protocol_is_offered_in_vain(orchestrator: Served, size: int) -> None:
    """Java's HTTP client asks for h2c at the first request of each connection."""
    offer = ("Connection: Upgrade, HTTP2-Settings", "Upgrade: h2c", "HTTP2-Settings: AAMAAABkAAQAoAAAAAIAAAAA")
    body = BODY + b" " * size
    chunks = b"%x\r\n%b\r\n0\r\n\r\n" % (len(body), body)
    with socket.create_connection(("127.0.0.1", orchestrator.port), 20) as client:
        client.sendall(asked("/headers", *offer, body=body) + asked("/v1/chat/completions"))
        head, shown = read_answer(client)
        assert head.startswith(b"HTTP/1.1 200")
        assert not headers_at_engine(shown).keys() & {"upgrade", "http2-settings", "connection"}
        assert b"hello" in read_answer(client)[1]
        client.sendall(asked("/headers", *offer, "Transfer-Encoding: chunked", body=chunks))
        assert read_answer(client)[0].startswith(b"HTTP/1.1 200")
        client.sendall(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n")
        assert b"alive" in read_answer(client)[1]


def test_all_lines_of_connection_name_what_goes_no_further(orchestrator: Served) -> None:
    lines = ("Connection: X-First", "X-First: 1", "Connection: keep-alive, x-second", "X-Second: 2", "X-Third: 3")
    with socket.create_connection(("127.0.0.1", orchestrator.port), 20) as client:
        client.sendall(asked("/headers", *lines, "Connection: keep-alive"))
        shown = headers_at_engine(read_answer(client)[1])
        assert {name for name in shown if name.startswith(("x-", "connection"))} == {"x-third"}


def test_two_answers_in_one_packet_are_read_one_by_one() -> None:
    near, far = socket.socketpair()
    with near, far:
        far.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\noneHTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\ntwo")
        assert [read_answer(near)[1], read_answer(near)[1]] == [b"one", b"two"]


def test_what_stands_behind_a_body_goes_no_further(orchestrator: Served) -> None:
    chunks = b"%x\r\n%b\r\n0\r\nX-Behind: 1\r\nHost: evil.example\r\n\r\n" % (len(BODY), BODY)
    with socket.create_connection(("127.0.0.1", orchestrator.port), 20) as client:
        client.sendall(asked("/headers", "X-Before: 1", "Transfer-Encoding: chunked", body=chunks))
        shown = headers_at_engine(read_answer(client)[1])
        assert (shown["x-before"], "x-behind" in shown, shown["host"][:9]) == ("1", False, "127.0.0.1")
        client.sendall(asked("/headers"))
        assert read_answer(client)[0].startswith(b"HTTP/1.1 200")


def test_no_page_of_another_site_may_read_an_answer(orchestrator: Served) -> None:
    with socket.create_connection(("127.0.0.1", orchestrator.port), 20) as client:
        client.sendall(asked("/v1/chat/completions", "Origin: http://localhost"))
        head, _ = read_answer(client)
        assert b"x-authorization" in head.lower()
        assert b"access-control" not in head.lower()


def test_a_request_on_a_connection_that_had_died_is_asked_again(orchestrator: Served) -> None:
    assert [orchestrator.chat("drops")[0] for _ in range(6)] == [200] * 6


def test_a_request_on_a_fresh_connection_is_asked_once(tmp_path_factory: pytest.TempPathFactory) -> None:
    dying = engine("a", "--exit-on-request", "1", gib=0)
    with serving(tmp_path_factory.mktemp("once"), manifest(dying)) as served:
        status, problem = served.chat("a")
        assert (status, problem["error"]["code"]) == (503, "model_failed")
        assert "GPU memory is full" in problem["error"]["message"]
        log = (served.folder / "state" / "logs" / "a.log").read_text()
        assert log.count("CUDA out of memory") == 1


def test_a_fault_of_ours_is_logged_and_told(caplog: pytest.LogCaptureFixture) -> None:
    class Broken:
        descriptors, buffers = Descriptors(1000, (), (), 0), Buffers(1000)
        access = Access((), None, Origins(()))

        def now(self) -> float:
            return 0.0

        def judge(self, *_: object) -> bool:
            raise ZeroDivisionError

    class Transport(asyncio.Transport):
        written = b""

        def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:
            pass

        def is_closing(self) -> bool:
            return False

        def write(self, data: bytes | bytearray | memoryview) -> None:
            self.written += bytes(data)

        def write_eof(self) -> None:
            pass

        def resume_reading(self) -> None:
            pass

    transport, connection = Transport(), Connection(cast("Front", Broken()), set())
    connection.connection_made(transport)
    with caplog.at_level(logging.ERROR):
        connection.data_received(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n")
    assert transport.written.startswith(b"HTTP/1.1 500")
    assert b"urn:modelgen:internal_error" in transport.written
    assert caplog.records[0].exc_info is not None
    assert caplog.records[0].exc_info[0] is ZeroDivisionError
