"""The page with 200 models and 20 events a second: from an event to its pixel, and the processor time of its script."""

from __future__ import annotations

import contextlib
import json
import statistics
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import count
from typing import TYPE_CHECKING, Any

import pytest

from modelgen_runtime.control_api import views
from modelgen_runtime.control_api.events import format_event
from modelgen_runtime.http.handler import Request
from modelgen_runtime.manifest import Gpu, Manifest
from modelgen_runtime.page.files import PAGE
from modelgen_runtime.scheduling.standing import State
from modelgen_runtime.state.board import Board
from runtime_serving import engine

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

pytestmark = pytest.mark.bench

MODELS, PER_SECOND, SECONDS = 200, 20, 15
KINDS = (State.STARTING, State.READY, State.DRAINING, State.STOPPED)
WATCH = """() => {
  window.painted = [];
  new MutationObserver((changes) => requestAnimationFrame(() => setTimeout(() => {
    const now = Date.now() / 1000;
    for (const {target} of changes) window.painted.push([target.dataset.model, target.dataset.state, now]);
  }))).observe(document.getElementById("models"), {subtree: true, attributeFilter: ["data-state"]});
}"""


class Source(ThreadingHTTPServer):
    """Answers what the page asks for, with a state that changes all the time."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        gpus = tuple(Gpu(f"gpu{number}", 200 * 2**30, 190 * 2**30) for number in range(8))
        models = [engine(f"m{n}", gib=0, reservations={f"gpu{n % 8}": 4 * 2**30}) for n in range(MODELS)]
        manifest = Manifest("bench", "process", tuple(models), gpus)
        self.board = Board(manifest, time.monotonic, lambda: None, lambda _: None)
        self.sent: dict[tuple[str, str], float] = {}
        self.is_over = threading.Event()

    def status(self) -> bytes:
        """Return what GET /status answers."""
        more = {"resumed": True, "warnings": [], "version": "0", "uptime": 1.0, "manifest": "0"}
        return json.dumps({**views.show_status(self.board, time.monotonic()), **more}).encode()

    def events(self) -> Iterator[bytes]:
        """Yield events: each model goes through its states."""
        yield b": listening\n\n" + format_event({"kind": "caught_up", "time": time.time()})
        for number in count():
            if self.is_over.wait(1 / PER_SECOND):
                return
            model, kind = f"m{number % MODELS}", KINDS[(number // MODELS) % len(KINDS)]
            self.board.records[model].state = kind
            self.sent[model, kind] = now = time.time()
            yield format_event({"id": number, "time": now, "kind": kind, "model": model})


class Handler(BaseHTTPRequestHandler):
    """One connection."""

    server: Source  # type: ignore[mutable-override]

    def do_GET(self) -> None:
        """Answer a file of the page, the state, or events."""
        path = self.path.partition("?")[0]
        self.send_response(200)
        if path in PAGE:
            self.send_header("Content-Type", PAGE[path].content_type)
        self.end_headers()
        with contextlib.suppress(ConnectionError):
            if path == "/events":
                for event in self.server.events():
                    self.wfile.write(event)
            else:
                answer = PAGE[path].answer(Request("GET", path)).body if path in PAGE else self.server.status()
                assert isinstance(answer, bytes)
                self.wfile.write(answer)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - http.server's name
        """Print nothing."""


def test_two_hundred_models_and_twenty_events_a_second(visit: Callable[..., Any]) -> None:
    with Source() as source:
        thread = threading.Thread(target=source.serve_forever)
        thread.start()
        try:
            page = visit(f"http://127.0.0.1:{source.server_port}/")
            page.wait_for_selector("html[data-link=live]")
            page.evaluate(WATCH)
            metrics = page.context.new_cdp_session(page)
            metrics.send("Performance.enable")
            before, began = read(metrics), time.monotonic()
            page.wait_for_timeout(1000 * SECONDS)
            after, took = read(metrics), time.monotonic() - began
            painted = page.evaluate("window.painted")
        finally:
            source.is_over.set()
            source.shutdown()
            thread.join()
    delays = [at - source.sent[model, state] for model, state, at in painted if (model, state) in source.sent]
    assert len(delays) > PER_SECOND * SECONDS / 2
    part = statistics.quantiles(delays, n=100)
    share = {name: (after[name] - before[name]) / took for name in ("ScriptDuration", "TaskDuration")}
    print(f"event to pixel: p50 {1000 * part[49]:.0f} ms, p99 {1000 * part[98]:.0f} ms (asked: at most 150)")
    print(f"script: {100 * share['ScriptDuration']:.1f} % of a core (asked: at most 10)", end="")
    print(f", with layout and painting: {100 * share['TaskDuration']:.1f} %")


def read(session: Any) -> dict[str, float]:  # noqa: ANN401 - an optional package
    return {one["name"]: one["value"] for one in session.send("Performance.getMetrics")["metrics"]}
