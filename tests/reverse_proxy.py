"""A reverse proxy that serves an orchestrator below a path, and may hold back its streams."""

from __future__ import annotations

import contextlib
import http.client
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

_DROPPED = {"connection", "transfer-encoding", "keep-alive"}


class Handler(BaseHTTPRequestHandler):
    """One connection, which ends with its answer."""

    server: Proxy  # type: ignore[mutable-override]

    def do_GET(self) -> None:
        """Pass a request on."""
        if not self.path.startswith(self.server.below):
            self.send_error(404)
            return
        path = "/" + self.path.removeprefix(self.server.below)
        if self.server.holds_back and path.startswith("/events"):
            self.server.is_released.wait()
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        upstream = http.client.HTTPConnection("127.0.0.1", self.server.upstream)
        with contextlib.closing(upstream), contextlib.suppress(OSError):
            upstream.request(self.command, path, body, {**dict(self.headers.items()), "Connection": "close"})
            answer = upstream.getresponse()
            self.send_response(answer.status)
            for name, value in answer.getheaders():
                if name.lower() not in _DROPPED:
                    self.send_header(name, value)
            self.end_headers()
            while data := answer.read1():
                self.wfile.write(data)
                self.wfile.flush()

    do_POST = do_GET  # noqa: N815 - http.server's name

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - http.server's name
        """Print nothing."""


class Proxy(ThreadingHTTPServer):
    """The proxy."""

    daemon_threads = True

    def __init__(self, upstream: int, below: str, *, holds_back: bool) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.upstream, self.below, self.holds_back = upstream, below, holds_back
        self.is_released = threading.Event()
        self.url = f"http://127.0.0.1:{self.server_port}{below}"


@contextlib.contextmanager
def proxying(upstream: int, below: str = "/", *, holds_back: bool = False) -> Iterator[Proxy]:
    """Yield a running proxy to a port of this machine."""
    with Proxy(upstream, below, holds_back=holds_back) as proxy:
        thread = threading.Thread(target=proxy.serve_forever)
        thread.start()
        try:
            yield proxy
        finally:
            proxy.is_released.set()
            proxy.shutdown()
            thread.join()
