"""Mirrors that send clients on to another host: the lock has the hashes, and the token stays at the hub's own host."""

from __future__ import annotations

import contextlib
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, ClassVar

import pytest

from hub_project import project
from lock_project import Project as LockProject
from lock_project import model, safetensors

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from hub_double import Hub

GOOD = "hf_" + "g" * 34


class Mirror(BaseHTTPRequestHandler):
    """Answers every request by a redirect: first to itself so many times, then to the hub."""

    status: ClassVar[int]
    hub: ClassVar[str]
    hops: ClassVar[int]
    tokens: ClassVar[list[bool]]

    def redirect(self) -> None:
        self.rfile.read(int(self.headers.get("Content-Length", "0")))
        self.tokens.append("Authorization" in self.headers)
        hop, path = int(self.headers.get("X-Hop", "0")), self.path
        if path.startswith("/hop"):
            number, _, path = path.removeprefix("/hop").partition("/")
            hop, path = int(number), f"/{path}"
        self.send_response(self.status)
        self.send_header("Location", f"/hop{hop + 1}{path}" if hop < self.hops else f"{self.hub}{path}")
        self.send_header("Content-Length", "0")
        self.end_headers()

    do_GET = do_HEAD = do_POST = redirect  # noqa: N815 - the server's names

    def log_message(self, *_: object) -> None:
        pass


@contextlib.contextmanager
def mirror(hub: str, status: int = 302, hops: int = 0) -> Iterator[tuple[str, list[bool]]]:
    tokens: list[bool] = []
    handler = type("Made", (Mirror,), {"status": status, "hub": hub, "hops": hops, "tokens": tokens})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield f"http://localhost:{server.server_address[1]}", tokens
        finally:
            server.shutdown()
            thread.join()


@pytest.mark.parametrize("status", [301, 302, 307, 308])
def test_fetch_follows_a_mirror_to_another_host(hub: Hub, tmp_path: Path, ranged: Path, status: int) -> None:
    small = {"config.json": b"{}", "tokenizer.json": bytes(30_000), "sub/b.txt": b"x"}
    models = project(tmp_path, hub, {"org/model": {**small, "model.safetensors": ranged}})
    with mirror(hub.endpoint, status) as (address, tokens):
        done = models.run("fetch", HF_ENDPOINT=address, HF_TOKEN=GOOD)
    assert done.returncode == 0, done.stderr
    assert models.damage() == []
    assert True in tokens
    assert {request.token_sent for request in hub.requests} == {False}


def test_lock_follows_a_mirror_to_another_host(hub: Hub, tmp_path: Path) -> None:
    hub.add("org/text", {"config.json": b"{}", "model.safetensors": safetensors(a=("BF16", 400))})
    project = LockProject(tmp_path, hub, model("text", "org/text"))
    with mirror(hub.endpoint, 307, hops=2) as (address, tokens):
        locked = project.lock(HF_ENDPOINT=address, HF_TOKEN=GOOD)
    assert locked.snapshots[0].weights == {"BF16": 400}
    assert set(tokens) == {True}
    assert {request.token_sent for request in hub.requests} == {False}


def test_fetch_follows_several_hops(hub: Hub, tmp_path: Path, ranged: Path) -> None:
    models = project(tmp_path, hub, {"org/model": {"config.json": b"{}", "model.safetensors": ranged}})
    with mirror(hub.endpoint, 302, hops=3) as (address, _):
        done = models.run("fetch", HF_ENDPOINT=address)
    assert done.returncode == 0, done.stderr
    assert models.damage() == []


@pytest.mark.parametrize("command", ["fetch", "lock"])
def test_a_circle_of_redirects_is_one_sentence(hub: Hub, tmp_path: Path, command: str) -> None:
    models = project(tmp_path, hub, {f"org/model-{n}": {"config.json": b"{}", "a.txt": b"a"} for n in range(3)})
    if command == "lock":
        (tmp_path / "models.lock").unlink()
    with mirror(hub.endpoint, 302, hops=10**6) as (address, _):
        done = models.run(command, HF_ENDPOINT=address)
    assert done.returncode == 3
    assert f"{address} redirects in a loop; fix HF_ENDPOINT" in done.stderr
    assert "Traceback" not in done.stderr
    assert "trying again" not in done.stderr


@pytest.mark.parametrize("size", [30_000, 12_000_000])
def test_what_such_a_mirror_damages_is_never_presented(hub: Hub, tmp_path: Path, ranged: Path, size: int) -> None:
    weights = ranged if size == ranged.stat().st_size else ranged.read_bytes()[:size]
    models = project(tmp_path, hub, {"org/model": {"model.safetensors": weights}})
    hub.faults.corrupt(20_000, count=None)
    with mirror(hub.endpoint) as (address, _):
        done = models.run("fetch", HF_ENDPOINT=address)
    assert done.returncode == 3
    assert "arrived twice with a hash that differs from models.lock" in done.stderr
    assert not [*models.hub.glob("models--*/snapshots/*/*")]


def test_what_breaks_behind_such_a_mirror_is_tried_again(hub: Hub, tmp_path: Path) -> None:
    models = project(tmp_path, hub, {"org/model": {"config.json": b"{}", "tokenizer.json": bytes(30_000)}})
    hub.faults.reset(10_000, path="tokenizer.json")
    hub.faults.status(503, path="config.json")
    with mirror(hub.endpoint) as (address, _):
        done = models.run("fetch", HF_ENDPOINT=address)
    assert done.returncode == 0, done.stderr
    assert models.damage() == []
