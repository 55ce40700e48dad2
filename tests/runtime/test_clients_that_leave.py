"""Clients and operators that go away: what was done for them alone is done no more."""

from __future__ import annotations

import json
import socket
import threading
from typing import TYPE_CHECKING

import pytest

from modelgen_runtime.manifest import Readiness
from runtime_serving import Served, engine, manifest, post, serving, wait_for

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.slow  # starts processes


def ask(orchestrator: Served, path: str, body: dict[str, object]) -> socket.socket:
    """Send a request and return its connection, without waiting for the answer."""
    client = socket.create_connection(("127.0.0.1", orchestrator.port), 20)
    client.sendall(post(path, "Content-Type: application/json", body=json.dumps(body).encode()))
    return client


@pytest.mark.parametrize("stream", [True, False])
def test_an_engine_works_no_more_for_a_client_that_has_left(tmp_path: Path, *, stream: bool) -> None:
    options = ("--chunks", "100000", "--pace", "0.01") if stream else ("--think", "60")
    with serving(tmp_path, manifest(engine("a", *options, gib=0))) as orchestrator:

        def says(text: str) -> bool:
            return text in orchestrator.ask("/logs/a?lines=50")[1]["lines"]

        body = {"model": "a", "stream": stream, "messages": [{"role": "user", "content": "hello"}]}
        with ask(orchestrator, "/v1/chat/completions", body) as client:
            if stream:
                client.recv(100)
            else:
                wait_for(lambda: says("thinking"))
        wait_for(lambda: says("its client has gone"))


def test_a_switch_away_from_a_load_does_not_wait_for_its_end(tmp_path: Path) -> None:
    slow = engine("slow", "--listen-after", "3600", readiness=Readiness("/health", 3600.0))
    with serving(tmp_path, manifest(slow, engine("b"))) as orchestrator:
        outcomes: list[tuple[int, dict[str, str]]] = []
        waiting = threading.Thread(target=lambda: outcomes.append(orchestrator.ask("/switch", {"model_id": "slow"})))
        waiting.start()
        wait_for(lambda: orchestrator.state("slow") == "starting")
        assert orchestrator.ask("/switch", {"model_id": "b"})[0] == 200
        waiting.join(20)
        [(status, problem)] = outcomes
        assert (status, problem["type"].rpartition("/")[2].rpartition(":")[2]) == (409, "superseded")
        assert (orchestrator.state("slow"), orchestrator.state("b")) == ("stopped", "ready")


def test_a_load_whose_operator_has_left_makes_room_for_a_request(tmp_path: Path) -> None:
    slow = engine("slow", "--listen-after", "3600", readiness=Readiness("/health", 3600.0))
    with serving(tmp_path, manifest(slow, engine("b"))) as orchestrator:
        with ask(orchestrator, "/switch", {"model_id": "slow"}):
            wait_for(lambda: orchestrator.state("slow") == "starting")
        assert orchestrator.chat("b")[0] == 200
        assert orchestrator.state("slow") == "stopped"


def test_a_load_that_was_asked_for_without_waiting_is_kept_from_requests(tmp_path: Path) -> None:
    loading = engine("a", "--listen-after", "1")
    with serving(tmp_path, manifest(loading, engine("b"))) as orchestrator:
        assert orchestrator.ask("/switch", {"model_id": "a", "wait": False})[0] == 202
        wait_for(lambda: orchestrator.state("a") == "starting")
        assert orchestrator.chat("b")[0] == 200
        events = (tmp_path / "orchestrator.log").read_text()
        assert "a: ready" in events


def test_what_cannot_start_makes_nobody_leave(tmp_path: Path) -> None:
    a, b = engine("a"), engine("b")
    assert b.process is not None
    gone = engine("gone", process=type(b.process)(("/no/such/engine",)))
    with serving(tmp_path, manifest(a, gone)) as orchestrator:
        assert orchestrator.chat("a")[0] == 200
        before = orchestrator.engines()
        status, problem = orchestrator.ask("/switch", {"model_id": "gone"})
        assert (status, "there is no program `/no/such/engine`" in problem["detail"]) == (503, True)
        assert orchestrator.chat("gone")[0] == 503
        assert (orchestrator.state("a"), orchestrator.engines()) == ("ready", before)
        assert "draining" not in (tmp_path / "orchestrator.log").read_text()
