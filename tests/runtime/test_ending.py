"""The end of the orchestrator: who can still be answered is answered, and everybody else gets the reason."""

from __future__ import annotations

import json
import signal
import socket
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import pytest

from runtime_serving import Served, engine, manifest, post, serving, wait_for

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.slow  # starts processes

CHAT = "/v1/chat/completions"


def begin_stream(served: Served, model: str) -> socket.socket:
    """Return a connection on which a stream has begun."""
    client = socket.create_connection(("127.0.0.1", served.port), 30)
    body = {"model": model, "stream": True, "messages": [{"role": "user", "content": "hello"}]}
    client.sendall(post(CHAT, body=json.dumps(body).encode()))
    assert client.recv(65536).startswith(b"HTTP/1.1 200")
    return client


def rest_of(client: socket.socket) -> bytes:
    data = b""
    while more := client.recv(65536):
        data += more
    return data


def is_refusing(served: Served) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", served.port)) != 0


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_running_requests_finish_and_the_queue_is_refused(tmp_path: Path, number: signal.Signals) -> None:
    pacing = engine("a", "--pace", "0.2", "--chunks", "10")
    loading = engine("b", "--healthy-after", "60", gib=4)
    with serving(tmp_path, manifest(pacing, loading)) as served, ThreadPoolExecutor(2) as pool:
        served.ask("/switch", {"model_id": "a"})
        with begin_stream(served, "a") as stream:
            waiting = pool.submit(served.chat, "b")
            switching = pool.submit(served.ask, "/switch", {"model_id": "b"})
            wait_for(lambda: served.state("b") == "starting" and served.ask("/status")[1]["waiting"] == 1)
            served.process.send_signal(number)
            status, refusal = waiting.result()
            assert (status, refusal["error"]["code"]) == (503, "shutting_down")
            status, problem = switching.result()
            assert (status, problem["type"]) == (503, "urn:modelgen:shutting_down")
            assert is_refusing(served)
            assert rest_of(stream).endswith(b"data: [DONE]\n\n\r\n0\r\n\r\n")
        assert served.process.wait(20) == 0
        assert served.engines() == []


def test_a_request_that_takes_too_long_ends_with_the_reason(tmp_path: Path) -> None:
    pacing = engine("a", "--pace", "0.2", "--chunks", "1000")
    with serving(tmp_path, manifest(pacing, shutdown_timeout=0.3)) as served:
        served.ask("/switch", {"model_id": "a"})
        with begin_stream(served, "a") as stream:
            served.process.send_signal(signal.SIGTERM)
            last = rest_of(stream)
        assert b'"code": "shutting_down"' in last
        assert last.endswith(b"\r\n0\r\n\r\n")
        assert served.process.wait(20) == 0


def test_a_second_signal_ends_it_at_once(tmp_path: Path) -> None:
    stubborn = engine("a", "--pace", "0.2", "--chunks", "1000", "--ignore-term", stop_grace=300.0)
    with serving(tmp_path, manifest(stubborn, shutdown_timeout=300.0)) as served:
        served.ask("/switch", {"model_id": "a"})
        with begin_stream(served, "a") as stream:
            served.process.send_signal(signal.SIGINT)
            wait_for(lambda: is_refusing(served))
            served.process.send_signal(signal.SIGINT)
            assert served.process.wait(20) == 0
            rest_of(stream)
        assert served.engines() == []


def test_what_comes_on_a_kept_connection_is_refused(tmp_path: Path) -> None:
    pacing = engine("a", "--pace", "0.2", "--chunks", "10")
    with serving(tmp_path, manifest(pacing, engine("b", gib=4))) as served:
        served.ask("/switch", {"model_id": "a"})
        with (
            begin_stream(served, "a") as stream,
            socket.create_connection(("127.0.0.1", served.port), 30) as kept,
        ):
            kept.sendall(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n")
            assert b"alive" in kept.recv(65536)
            served.process.send_signal(signal.SIGTERM)
            wait_for(lambda: is_refusing(served))
            kept.sendall(post(CHAT, body=b'{"model": "a", "messages": []}'))
            refusal: Any = rest_of(kept)
            assert refusal.startswith(b"HTTP/1.1 503")
            assert b"shutting_down" in refusal
            assert rest_of(stream).endswith(b"0\r\n\r\n")
