"""Clients that never read, send a byte a minute, send too much, or are too many."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from runtime_serving import Served, engine, manifest, post, serving, wait_for

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.slow  # starts processes

CHAT = "/v1/chat/completions"
HEALTH = b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n"
ASKED = {"model": "a", "messages": [{"role": "user", "content": "hello"}]}


@pytest.fixture
def orchestrator(tmp_path: Path) -> Iterator[Served]:
    models = engine("a", gib=0), engine("b", gib=0, concurrency=1)
    with serving(tmp_path, manifest(*models), is_fresh=True) as served:  # its memory is measured
        assert served.chat("a")[0] == 200
        yield served


def connect(served: Served) -> socket.socket:
    return socket.create_connection(("127.0.0.1", served.port), 30)


def resident_mib(served: Served) -> float:
    status = Path(f"/proc/{served.process.pid}/status").read_text()
    [kib] = [int(line.split()[1]) for line in status.splitlines() if line.startswith("VmRSS")]
    return kib / 1024


def read_all(client: socket.socket) -> bytes:
    data = b""
    with contextlib.suppress(ConnectionResetError):
        while more := client.recv(65536):
            data += more
    return data


def test_answers_that_nobody_reads_are_not_made(orchestrator: Served) -> None:
    before = resident_mib(orchestrator)
    clients = [connect(orchestrator) for _ in range(4)]
    for client in clients:
        client.settimeout(2)
        with contextlib.suppress(TimeoutError):
            while True:  # until the orchestrator takes no more
                client.sendall(HEALTH * 1000)
    assert resident_mib(orchestrator) < before + 30
    assert orchestrator.ask("/healthz")[0] == 200
    for client in clients:
        client.close()


def test_many_requests_in_one_packet_are_all_answered(orchestrator: Served) -> None:
    with connect(orchestrator) as client:
        client.sendall(HEALTH * 3000 + HEALTH.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n"))
        assert read_all(client).count(b"alive") == 3001


def test_a_body_of_many_small_lists_holds_up_nobody(orchestrator: Served) -> None:
    body = b'{"messages": [' + b"[[[[1]]]]," * 1_000_000 + b'[]], "model": "nobody"}'
    with connect(orchestrator) as client, connect(orchestrator) as other, ThreadPoolExecutor(1) as pool:

        def ask() -> bytes:
            client.sendall(post(CHAT, body=body))
            return client.recv(65536)

        asked, answers = pool.submit(ask), 0
        while not asked.done():
            other.sendall(HEALTH)
            assert b"alive" in other.recv(65536)
            answers += 1
        assert b"there is no model `nobody`" in asked.result()
        assert answers > 20  # others were served meanwhile, again and again


def test_a_form_with_an_endless_name_or_countless_parts_holds_up_nobody(orchestrator: Served) -> None:
    head = b'--B\r\nContent-Disposition: form-data; name="model"\r\n\r\n'
    form = "Content-Type: multipart/form-data; boundary=B"
    with connect(orchestrator) as client:
        client.sendall(post(CHAT, form, body=head + b"x" * 8_000 + b"\r\n--B--\r\n"))
        assert b"`model` is longer than 4096 bytes" in client.recv(65536)
    part = b'--B\r\nContent-Disposition: form-data; name="x"\r\n\r\n1\r\n'
    with connect(orchestrator) as client, connect(orchestrator) as other, ThreadPoolExecutor(1) as pool:

        def ask() -> bytes:
            client.sendall(post(CHAT, form, body=part * 200_000 + head + b"a\r\n--B--\r\n"))
            return client.recv(65536)

        asked, answers = pool.submit(ask), 0
        while not asked.done():
            other.sendall(HEALTH)
            assert b"alive" in other.recv(65536)
            answers += 1
        assert answers > 20
        assert asked.result().startswith(b"HTTP/1.1 ")


def test_the_bodies_of_all_requests_together_are_bounded(tmp_path: Path) -> None:
    with serving(tmp_path, manifest(engine("a", gib=0), buffer_limit=8 * 2**20)) as served:
        head = f"POST {CHAT} HTTP/1.1\r\nHost: localhost\r\nContent-Length: {6 * 2**20}\r\n\r\n".encode()
        begun = head + b'{"x": "' + b"x" * (5 * 2**20)
        with connect(served) as first, connect(served) as second:
            first.sendall(begun)
            wait_for(lambda: resident_mib(served) > 20)
            with contextlib.suppress(ConnectionError):
                second.sendall(begun)
            answer = read_all(second)
            assert answer.startswith(b"HTTP/1.1 503")
            assert b"Retry-After: 5" in answer
            assert b"`buffer_limit`" in answer
            rest = 6 * 2**20 - 5 * 2**20 - len(b'{"x": "')
            end = b'", "model": "a", "messages": [{"role": "user", "content": "hello"}]}'
            first.sendall(b"y" * (rest - len(end)) + end)
            assert first.recv(65536).startswith(b"HTTP/1.1 200")
        assert served.ask(CHAT, ASKED | {"pad": "x" * (6 * 2**20)})[0] == 200  # the room is free again


def test_a_slow_upload_holds_no_place(orchestrator: Served) -> None:
    """`b` takes one request at a time."""
    body = json.dumps(ASKED | {"model": "b"}).encode()
    with connect(orchestrator) as slow:
        slow.sendall(post(CHAT, body=body)[:-5])
        wait_for(lambda: orchestrator.ask("/healthz")[0] == 200)
        assert orchestrator.chat("b")[0] == 200
        slow.sendall(body[-5:])
        assert slow.recv(65536).startswith(b"HTTP/1.1 200")


def test_idle_connections_lock_nobody_out(tmp_path: Path) -> None:
    with serving(tmp_path, manifest(engine("a", gib=0)), open_files=256) as served, contextlib.ExitStack() as stack:
        assert served.chat("a")[0] == 200
        for _ in range(600):
            stack.enter_context(connect(served))
        assert served.chat("a")[0] == 200
        assert served.ask("/switch", {"model_id": "a"})[0] == 200
        assert len([*Path(f"/proc/{served.process.pid}/fd").iterdir()]) < 256


def test_too_many_streams_are_refused_in_words(tmp_path: Path) -> None:
    busy = engine("a", "--pace", "0.05", "--chunks", "400", gib=0)
    with serving(tmp_path, manifest(busy), open_files=256) as served, contextlib.ExitStack() as stack:
        asked = post(CHAT, body=json.dumps(ASKED | {"stream": True}).encode())
        assert served.ask("/switch", {"model_id": "a"})[0] == 200
        firsts = []
        for _ in range(200):
            client = stack.enter_context(connect(served))
            with contextlib.suppress(ConnectionError):
                client.sendall(asked)
                firsts.append(client.recv(65536))
        served_ = [first for first in firsts if first.startswith(b"HTTP/1.1 200")]
        refused = [first for first in firsts if first.startswith(b"HTTP/1.1 503")]
        assert len(served_) > 40
        assert len(served_) + len(refused) == len(firsts)
        assert all(b"too many connections" in first and b"Retry-After" in first for first in refused)
        assert refused
        assert served.ask("/healthz")[0] == 200  # the control API answers all the same
        assert served.ask("/status")[0] == 200
        stack.close()
        wait_for(lambda: served.ask("/healthz")[0] == 200)


def test_the_limit_of_open_files_is_raised(orchestrator: Served) -> None:
    limits = Path(f"/proc/{orchestrator.process.pid}/limits").read_text()
    [line] = [line for line in limits.splitlines() if line.startswith("Max open files")]
    assert line.split()[3] == line.split()[4]


def test_framing_without_a_body_ends(orchestrator: Served) -> None:
    """Headers behind a body in chunks went on for as long as somebody sent them, in memory."""
    head = f"POST {CHAT} HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n".encode()
    with connect(orchestrator) as client:
        client.sendall(head + b"0\r\nX-Behind: ")
        with contextlib.suppress(ConnectionError):
            for _ in range(100):
                client.sendall(b"x" * 65536)
        assert read_all(client).startswith(b"HTTP/1.1 431")
    assert resident_mib(orchestrator) < 100


def test_a_crowd_at_the_door_takes_no_descriptor_that_engines_need(tmp_path: Path) -> None:
    """Sockets that were accepted and not yet handed over were counted by nobody, and a stop needs descriptors too."""
    with serving(tmp_path, manifest(engine("a", gib=0)), open_files=256) as served, contextlib.ExitStack() as stack:
        assert served.chat("a")[0] == 200
        opened = Path(f"/proc/{served.process.pid}/fd")
        os.kill(served.process.pid, signal.SIGSTOP)  # so that all of them are at the door at once
        crowd = [stack.enter_context(connect(served)) for _ in range(600)]
        for client in crowd:
            client.sendall(HEALTH)
        os.kill(served.process.pid, signal.SIGCONT)
        with ThreadPoolExecutor(1) as pool:
            first, most = pool.submit(crowd[0].recv, 65536), 0
            while not first.done():
                most = max(most, sum(1 for _ in opened.iterdir()))
            most = max([most, *(sum(1 for _ in opened.iterdir()) for _ in range(200))])
        assert most < 256 - 20


def test_memory_of_large_bodies_goes_back_to_the_system(tmp_path: Path) -> None:
    """The C library kept what several of them had taken beside each other, and 32 MiB of bodies were 100 MiB."""
    with serving(tmp_path, manifest(engine("a", gib=0), buffer_limit=32 * 2**20)) as served:
        assert served.chat("a")[0] == 200
        before = resident_mib(served)

        def send(number: int) -> None:
            pad, model = b"x" * (24 * 2**20), b"a" if number % 2 else b"nobody"
            body = (
                b'{"messages": [{"role": "user", "content": "hello"}], "pad": "'
                + pad
                + b'", "model": "'
                + model
                + b'"}'
            )
            with connect(served) as client, contextlib.suppress(ConnectionError):
                client.sendall(post(CHAT, body=body))
                assert client.recv(65536).startswith(b"HTTP/1.1 ")

        with ThreadPoolExecutor(4) as pool:
            list(pool.map(send, range(40)))
        assert resident_mib(served) < before + 20
