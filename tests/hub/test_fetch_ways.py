"""The ways to the hub: proxies, private authorities, Xet, and redirects that nobody may follow."""

from __future__ import annotations

import contextlib
import os
import socket
import ssl
import subprocess
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import pytest
import trustme

import hub_double
from compiling import REPOSITORY
from hub_double import Token
from hub_project import Project, project

if TYPE_CHECKING:
    from collections.abc import Iterator

    from hub_double import Hub

NATIVE = Path(hub_double.__file__).parent / "native"
GOOD = "hf_" + "g" * 34
SMALL = bytes(20_000)


@pytest.fixture
def sockets(monkeypatch: pytest.MonkeyPatch) -> None:
    """A proxy of a test connects, which tests else may not."""
    monkeypatch.undo()


@contextlib.contextmanager
def serving(handler: type[BaseHTTPRequestHandler]) -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}"
        finally:
            server.shutdown()
            thread.join()


class Proxy(BaseHTTPRequestHandler):
    """Hands plain requests on as they are, and counts them."""

    seen: list[str]

    def hand_on(self) -> None:
        self.seen.append(self.path)
        url = urlsplit(self.path)
        head = f"{self.command} {url.path}{f'?{url.query}' if url.query else ''} HTTP/1.1\r\n"
        kept = {name: value for name, value in self.headers.items() if "connection" not in name.lower()}
        lines = "".join(f"{name}: {value}\r\n" for name, value in {**kept, "Connection": "close"}.items())
        with socket.create_connection((url.hostname or "", url.port or 80)) as upstream:
            upstream.sendall(f"{head}{lines}\r\n".encode("latin-1"))
            while block := upstream.recv(1 << 20):
                self.wfile.write(block)
        self.close_connection = True

    do_GET = do_HEAD = hand_on  # noqa: N815 - the server's names

    def log_message(self, *_: object) -> None:
        pass


@pytest.mark.usefixtures("sockets")
@pytest.mark.parametrize("variable", ["HTTP_PROXY", "http_proxy", "ALL_PROXY"])
def test_a_proxy(hub: Hub, tmp_path: Path, ranged: Path, variable: str) -> None:
    models = project(tmp_path, hub, {"org/model": {"config.json": b"{}", "model.safetensors": ranged}})
    seen: list[str] = []
    with serving(type("Seeing", (Proxy,), {"seen": seen})) as address:
        done = models.run("fetch", **{variable: address, "NO_PROXY": ""})
    assert done.returncode == 0, done.stderr
    assert models.damage() == []
    assert len(seen) == len(hub.requests)
    assert any(path.startswith(hub.cdn) for path in seen)


@pytest.mark.usefixtures("sockets")
def test_hosts_without_a_proxy(hub: Hub, tmp_path: Path, ranged: Path) -> None:
    models = project(tmp_path, hub, {"org/model": {"config.json": b"{}", "model.safetensors": ranged}})
    seen: list[str] = []
    with serving(type("Seeing", (Proxy,), {"seen": seen})) as address:
        done = models.run("fetch", HTTP_PROXY=address, NO_PROXY="localhost,127.0.0.1")
    assert done.returncode == 0, done.stderr
    assert seen == []


@pytest.fixture
def private_hub(tmp_path: Path) -> Iterator[tuple[Hub, Path]]:
    """A hub that speaks HTTPS by a certificate of its own authority, and that authority's file."""
    authority = trustme.CA()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1", "localhost").configure_cert(context)
    authority.cert_pem.write_to_path(str(tmp_path / "authority.pem"))
    with hub_double.serve(home=tmp_path / "hf-home", ssl_context=context) as hub:
        yield hub, tmp_path / "authority.pem"


def test_a_private_authority(private_hub: tuple[Hub, Path], tmp_path: Path, ranged: Path) -> None:
    hub, authority = private_hub
    models = project(tmp_path, hub, {"org/model": {"config.json": b"{}", "model.safetensors": ranged}})
    done = models.run("fetch", SSL_CERT_FILE=str(authority))
    assert done.returncode == 0, done.stderr
    assert models.damage() == []


def test_an_untrusted_authority(private_hub: tuple[Hub, Path], tmp_path: Path, ranged: Path) -> None:
    hub, _ = private_hub
    models = project(tmp_path, hub, {"org/model": {"config.json": b"{}", "model.safetensors": ranged}})
    begun = time.monotonic()
    done = models.run("fetch")
    assert done.returncode == 3
    assert f"the certificate of {hub.endpoint} is not trusted; set SSL_CERT_FILE" in done.stderr
    assert "trying again" not in done.stderr
    assert time.monotonic() - begun < 5


@pytest.mark.parametrize("target", ["file:///etc/passwd", "ftp://127.0.0.1/x"])
@pytest.mark.parametrize("size", ["small", "large"])
def test_a_delivery_network_that_sends_elsewhere(
    hub: Hub, tmp_path: Path, ranged: Path, size: str, target: str
) -> None:
    class Sending(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            assert "Authorization" not in self.headers
            self.send_response(302)
            self.send_header("Location", target)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    hub.tokens = {GOOD: Token(accepts={"*"})}
    models = project(tmp_path, hub, {"org/model": {"model.safetensors": ranged if size == "large" else SMALL}})
    with serving(Sending) as hub.cdn:
        done = models.run("fetch", HF_TOKEN=GOOD)
    assert done.returncode == 3
    assert "modelgen: model: org/model" in done.stderr
    assert "Traceback" not in done.stderr
    assert "trying again" not in done.stderr
    assert not [path for path in models.hub.rglob("*") if path.is_file() and b"root:" in path.read_bytes()]


def test_xet_is_left_to_the_client(hub: Hub, tmp_path: Path, large: Path) -> None:
    models = Project(tmp_path, hub.environment)
    files: dict[str, bytes | Path] = {"model.safetensors": large}
    models.want("org/model", files, hub.add("org/model", files, xet=True))
    done = models.run("fetch")
    assert done.returncode == 3
    assert hub.requests_for("*/xet-read-token/*")
    assert hub.bytes_sent() == 0
    assert done.stderr.splitlines()[-1].startswith("modelgen: model: org/model")
    assert "Traceback" not in done.stderr
    assert models.run("fetch", HF_HUB_DISABLE_XET="1").returncode == 0
    assert models.damage() == []


@pytest.fixture
def xet(hub: Hub, tmp_path: Path, large: Path) -> Project:
    """A project whose file comes by Xet, through a double of the native package."""
    models = Project(tmp_path, {**hub.environment, "PYTHONPATH": f"{NATIVE}{os.pathsep}{REPOSITORY / 'compiler'}"})
    files: dict[str, bytes | Path] = {"config.json": b"{}", "model.safetensors": large}
    models.want("org/model", files, hub.add("org/model", files, xet=True))
    hub.xet_tokens = True
    return models


def test_what_comes_by_xet_is_hashed(xet: Project, hub: Hub, large: Path, tmp_path: Path) -> None:
    damaged = tmp_path / "damaged"
    damaged.write_bytes(b"x" + large.read_bytes()[1:])
    done = xet.run("fetch", DOUBLE_OF_XET=str(damaged))
    assert done.returncode == 3
    assert "model.safetensors arrived twice with a hash that differs from models.lock" in done.stderr
    assert not (xet.hub / "models--org--model/refs").exists()
    assert xet.run("fetch", DOUBLE_OF_XET=str(large)).returncode == 0
    assert xet.damage() == []
    assert hub.bytes_sent("*.safetensors") == 0


@pytest.mark.parametrize("size", [2_000_000, 101_000_000])
def test_a_transfer_by_xet_that_hangs_goes_on_over_http(xet: Project, hub: Hub, large: Path, size: int) -> None:
    weights = large if size == large.stat().st_size else large.read_bytes()[:size]
    files: dict[str, bytes | Path] = {"config.json": b"{}", "model.safetensors": weights}
    xet.snapshots.clear()
    xet.want("org/model", files, hub.add("org/model", files, xet=True))
    done = xet.run("fetch", HF_HUB_DOWNLOAD_TIMEOUT="1")
    assert done.returncode == 0, done.stderr
    assert "Xet received nothing for a while; continuing over plain HTTP" in done.stderr
    assert xet.damage() == []
    assert hub.bytes_sent("*.safetensors") > 0


def test_memory_does_not_grow_with_the_file(hub: Hub, tmp_path: Path) -> None:
    weights = tmp_path / "weights"
    with weights.open("wb") as file:
        file.truncate(1_000_000_000)
    models = project(tmp_path, hub, {"org/model": {"model.safetensors": weights}})
    # By a small process between: what a child counts as its peak begins with that of whoever started it.
    script = (
        "import resource, subprocess, sys\n"
        "code = subprocess.call([sys.executable, '-m', 'modelgen', 'fetch'])\n"
        "print(code, resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)"
    )
    done = subprocess.run(
        [sys.executable, "-c", script],
        cwd=models.folder,
        env={**os.environ, "PYTHONPATH": str(REPOSITORY / "compiler"), **models.environment},
        capture_output=True,
        text=True,
        check=True,
    )
    code, peak = map(int, done.stdout.split())
    assert code == 0, done.stderr
    assert peak < 200_000  # KiB
    models.blob(models.snapshots[0], "model.safetensors").unlink()
