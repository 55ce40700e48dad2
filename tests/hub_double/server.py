"""Two listeners with a thread for each connection: the hub, and the CDN under another host name."""

from __future__ import annotations

import contextlib
import socket
import tempfile
import threading
from pathlib import Path
from typing import TYPE_CHECKING

from hub_double.connection import converse
from hub_double.hub import Hub

if TYPE_CHECKING:
    import ssl
    from collections.abc import Iterator

    from hub_double.messages import Host

ADDRESS = "127.0.0.1"
NAMES: dict[Host, str] = {"hub": ADDRESS, "cdn": "localhost"}


@contextlib.contextmanager
def serve(
    *, port: int = 0, home: Path | None = None, latency: float = 0.0, ssl_context: ssl.SSLContext | None = None
) -> Iterator[Hub]:
    """A hub that listens until the block ends.

    `home` is where clients keep what they download (HF_HOME), a temporary folder by default. With an `ssl_context`,
    whose certificate has to be good for 127.0.0.1 and localhost, both hosts speak HTTPS.
    """
    with contextlib.ExitStack() as stack:
        hub = Hub(home or Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="hub-double-"))))
        hub.latency = latency
        front = stack.enter_context(contextlib.closing(Listener("hub", hub, port, ssl_context)))
        back = stack.enter_context(contextlib.closing(Listener("cdn", hub, 0, ssl_context)))
        hub.endpoint, hub.cdn = front.url, back.url
        front.start()
        back.start()
        yield hub


class Listener:
    """Accepts connections for one of the two hosts."""

    def __init__(self, host: Host, hub: Hub, port: int, ssl_context: ssl.SSLContext | None) -> None:
        self.host = host
        self.hub = hub
        self.ssl_context = ssl_context
        self.stopping = threading.Event()
        self.lock = threading.Lock()
        self.live: dict[threading.Thread, socket.socket] = {}
        self.socket = socket.create_server((ADDRESS, port), backlog=256)
        self.socket.settimeout(0.2)  # where a shutdown does not wake `accept`
        self.thread = threading.Thread(target=self._accept, name=f"hub-double-{host}", daemon=True)

    @property
    def url(self) -> str:
        scheme = "https" if self.ssl_context else "http"
        return f"{scheme}://{NAMES[self.host]}:{self.socket.getsockname()[1]}"

    def start(self) -> None:
        self.thread.start()

    def close(self) -> None:
        """Stop at once: what is under way is cut off."""
        self.stopping.set()
        with contextlib.suppress(OSError):
            self.socket.shutdown(socket.SHUT_RDWR)
        if self.thread.ident:
            self.thread.join()
        self.socket.close()
        with self.lock:
            live = list(self.live.items())
        for thread, sock in live:
            with contextlib.suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)
            thread.join()

    def _accept(self) -> None:
        while not self.stopping.is_set():
            try:
                sock, _ = self.socket.accept()
            except TimeoutError:
                continue
            except OSError:
                if self.stopping.is_set():
                    return
                raise
            thread = threading.Thread(target=self._serve, args=(sock,), name=self.thread.name, daemon=True)
            with self.lock:
                self.live[thread] = sock
            thread.start()

    def _serve(self, sock: socket.socket) -> None:
        try:
            with contextlib.closing(sock), contextlib.suppress(OSError):
                sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                self._converse(sock)
        finally:
            with self.lock:
                self.live.pop(threading.current_thread(), None)

    def _converse(self, sock: socket.socket) -> None:
        if not self.ssl_context:
            converse(sock, self.host, self.hub, self.stopping)
            return
        sock.settimeout(5)  # for the handshake, while nobody else can wake it
        with self.ssl_context.wrap_socket(sock, server_side=True) as secure:
            secure.settimeout(None)
            with self.lock:
                self.live[threading.current_thread()] = secure
            converse(secure, self.host, self.hub, self.stopping)
