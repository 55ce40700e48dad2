"""Proxies that refuse, that want a password, that speak SOCKS, and that are none."""

from __future__ import annotations

import contextlib
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, ClassVar

import pytest

from hub_project import Project, project

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from hub_double import Hub


class Refusing(BaseHTTPRequestHandler):
    """A proxy that says no."""

    status: ClassVar[int]

    def refuse(self) -> None:
        page = b"<html><head><title>Blocked by Example Corp</title></head></html>"
        self.send_response(self.status)
        self.send_header("Content-Type", "text/html")
        self.send_header("Content-Length", str(len(page)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(page)

    do_GET = do_HEAD = do_CONNECT = refuse  # noqa: N815 - the server's names

    def log_message(self, *_: object) -> None:
        pass


@contextlib.contextmanager
def proxy(status: int) -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), type("Made", (Refusing,), {"status": status})) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield f"http://user:geheim@127.0.0.1:{server.server_address[1]}"
        finally:
            server.shutdown()
            thread.join()


@pytest.fixture
def models(hub: Hub, tmp_path: Path) -> Project:
    return project(tmp_path, hub, {"org/model": {"config.json": b"{}"}})


def said(models: Project, command: str, **environment: str) -> str:
    if command == "lock":
        (models.folder / "models.lock").unlink()
    done = models.run(command, **{"NO_PROXY": "", **environment})
    assert done.returncode == 3, done.stderr
    assert "Traceback" not in done.stderr
    assert "trying again" not in done.stderr
    assert "geheim" not in done.stderr
    [*_, sentence] = [
        line for line in done.stderr.splitlines() if line.startswith("modelgen: ") and "left as" not in line
    ]
    return sentence


@pytest.mark.parametrize("command", ["lock", "fetch"])
@pytest.mark.parametrize("scheme", ["http", "https"])
def test_a_proxy_that_wants_a_password(models: Project, hub: Hub, command: str, scheme: str) -> None:
    with proxy(407) as address:
        endpoint = f"{scheme}://{hub.endpoint.rpartition('/')[2]}"
        sentence = said(models, command, HF_ENDPOINT=endpoint, **{f"{scheme.upper()}_PROXY": address})
    shown = address.replace("user:geheim@", "")
    assert f"the proxy {shown} of {scheme.upper()}_PROXY requires a password (407)" in sentence


@pytest.mark.parametrize("command", ["lock", "fetch"])
def test_a_proxy_that_blocks_the_hub(models: Project, hub: Hub, command: str) -> None:
    with proxy(403) as address:
        sentence = said(models, command, HTTP_PROXY=address)
    assert f"{hub.endpoint}, asked through the proxy {address.replace('user:geheim@', '')} of HTTP_PROXY" in sentence
    assert "refuses access (403)" in sentence
    assert "allow that host" in sentence


@pytest.mark.parametrize("command", ["lock", "fetch"])
def test_a_proxy_that_does_not_connect(models: Project, hub: Hub, command: str) -> None:
    endpoint = hub.endpoint.replace("http:", "https:")
    with proxy(403) as address:
        sentence = said(models, command, HF_ENDPOINT=endpoint, HTTPS_PROXY=address)
    assert f"of HTTPS_PROXY does not connect to {endpoint} (it answers 403)" in sentence


@pytest.mark.parametrize("command", ["lock", "fetch"])
@pytest.mark.parametrize(
    ("address", "words"),
    [
        ("socks5://user:geheim@127.0.0.1:1", "the SOCKS proxy socks5://127.0.0.1:1, which needs the package socksio"),
        ("socks4://127.0.0.1:1", "which is not an address of a proxy"),
        ("http://127.0.0.1:one", "which is not an address of a proxy"),
    ],
)
def test_a_proxy_that_cannot_be_used(models: Project, command: str, address: str, words: str) -> None:
    sentence = said(models, command, ALL_PROXY=address)
    assert "ALL_PROXY is " in sentence
    assert words in sentence
