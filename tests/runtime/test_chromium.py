"""A real browser: what pages of other origins can do, and what they cannot."""

from __future__ import annotations

import contextlib
import json
import shutil
import subprocess
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from queue import Queue
from typing import TYPE_CHECKING, Any

import pytest

from runtime_serving import engine, manifest, serving

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = pytest.mark.slow  # starts processes

PAGE = """<!doctype html><script>
const chat = (body, headers = {}) => fetch("SERVER/v1/chat/completions", {
  method: "POST", headers: {"content-type": "application/json", "x-stainless-lang": "js", ...headers},
  body: JSON.stringify({model: "a", messages: [{role: "user", content: "hello"}], ...body})});
const tries = {
  list: async () => (await (await fetch("SERVER/v1/models")).json()).data.map(one => one.id),
  chat: async () => (await (await chat({})).json()).choices[0].message.content,
  stream: async () => (await (await chat({stream: true}, {authorization: "Bearer x"})).text()).endsWith("[DONE]\\n\\n"),
  unknown: async () => { const told = await chat({model: "b"}); return [told.status, (await told.json()).error.code]; },
  status: async () => (await fetch("SERVER/status")).status,
  switch: async () => (await fetch("SERVER/switch", {method: "POST", body: '{"model_id": "a"}'})).status,
  blind: async () => (await fetch("SERVER/switch", {
    method: "POST", mode: "no-cors", body: '{"model_id": "forbidden"}'})).type,
};
(async () => {
  const told = {};
  for (const [name, attempt] of Object.entries(tries))
    told[name] = await attempt().catch(error => error.name);
  await fetch("/told", {method: "POST", body: JSON.stringify(told)});
})();
</script>"""


@pytest.fixture(scope="module")
def chromium() -> str:
    found = shutil.which("chromium") or shutil.which("google-chrome")
    if found is None:
        pytest.skip("there is no Chromium")
    return found


class Site(ThreadingHTTPServer):
    """A site on a port of its own, with one page that says what it could do."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.api = ""
        self.told = Queue[dict[str, Any]]()
        self.origin = f"http://localhost:{self.server_port}"


class Handler(BaseHTTPRequestHandler):
    """One connection."""

    server: Site  # type: ignore[mutable-override]

    def do_GET(self) -> None:
        """Show the page."""
        self.answer(PAGE.replace("SERVER", self.server.api).encode())

    def do_POST(self) -> None:
        """Take what the page says."""
        self.server.told.put(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
        self.answer(b"")

    def answer(self, body: bytes) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - http.server's name
        """Print nothing."""


@contextlib.contextmanager
def sites() -> Iterator[tuple[Site, Site]]:
    with Site() as one, Site() as other:
        threads = [threading.Thread(target=site.serve_forever) for site in (one, other)]
        for thread in threads:
            thread.start()
        try:
            yield one, other
        finally:
            for site, thread in zip((one, other), threads, strict=True):
                site.shutdown()
                thread.join()


def show(chromium: str, site: Site, profile: Path) -> dict[str, Any]:
    """Open the page, and return what it says."""
    command = [
        *(chromium, "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run"),
        *("--disable-background-networking", "--disable-component-update", f"--user-data-dir={profile}"),
        *("--remote-debugging-port=0", f"{site.origin}/"),
    ]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as browser:
        try:
            return site.told.get(timeout=60)
        finally:
            browser.terminate()


def test_a_page_does_what_its_origin_may(chromium: str, tmp_path: Path) -> None:
    with sites() as (site, other):
        content = manifest(engine("a"), engine("forbidden"), allowed_origins=(site.origin,))
        with serving(tmp_path, content) as served:
            site.api = other.api = f"http://localhost:{served.port}"
            closed = {"status": "TypeError", "switch": "TypeError", "blind": "opaque"}
            assert show(chromium, site, tmp_path / "one") == {
                **closed,
                "list": ["a", "forbidden"],
                "chat": "hello",
                "stream": True,
                "unknown": [404, "model_not_found"],
            }
            names = ("list", "chat", "stream", "unknown")
            assert show(chromium, other, tmp_path / "other") == {**closed, **dict.fromkeys(names, "TypeError")}
            assert (served.state("a"), served.state("forbidden")) == ("ready", "stopped")
