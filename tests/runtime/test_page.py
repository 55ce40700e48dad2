"""The files of the page as a client gets them, and the events that it shows."""

from __future__ import annotations

import asyncio
import gzip
import hashlib
import json
import re
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

import modelgen_runtime.page.files as page_files
from modelgen_runtime.control_api import events as events_module
from modelgen_runtime.control_api.events import Events
from modelgen_runtime.http.handler import Request
from modelgen_runtime.page.files import PAGE
from modelgen_runtime.state.lifecycle import LifecycleEvent
from runtime_serving import Served, engine, manifest, serving

if TYPE_CHECKING:
    from collections.abc import Iterator

STATIC = Path(page_files.__file__).parent / "static"


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    folder = tmp_path_factory.mktemp("page")
    (folder / "keys").write_text(f"admin sha256:{hashlib.sha256(b'admin').hexdigest()}\n")
    with serving(folder, manifest(engine("a"), keys_file="keys")) as orchestrator:
        yield orchestrator


def test_the_files_need_no_key_and_all_else_does(served: Served) -> None:
    for path in PAGE:
        status, body = served.ask(path)
        assert (status, hashlib.sha256(body.encode()).hexdigest()) == (
            200,
            hashlib.sha256(PAGE[path].content).hexdigest(),
        )
    assert served.ask("/status")[0] == served.ask("/page/none.js")[0] == 401
    assert served.ask("/page/none.js", Authorization="Bearer admin")[0] == 404


def test_a_link_on_another_site_may_open_it(served: Served) -> None:
    assert served.ask("/", Sec_Fetch_Site="cross-site", Sec_Fetch_Mode="navigate")[0] == 200
    assert served.ask("/status", Sec_Fetch_Site="cross-site", Authorization="Bearer admin")[0] == 403


def test_programs_that_probe_it_get_an_answer(served: Served) -> None:
    for method, status in (("HEAD", 200), ("POST", 405), ("PUT", 405)):
        assert served.ask("/", method=method)[0] == status
    assert served.ask("/", Accept="application/json")[0] == 200


def test_what_a_client_has_is_not_sent_again() -> None:
    for file in PAGE.values():
        whole = file.answer(Request("GET", "/"))
        again = file.answer(Request("GET", "/", fields={b"if-none-match": f'"x", {file.etag}'.encode()}))
        assert (whole.status, again.status, again.body) == (200, 304, b"")
        packed = file.answer(Request("GET", "/", fields={b"accept-encoding": b"br, gzip"}))
        assert dict(packed.headers)["Content-Encoding"] == "gzip"
        assert isinstance(packed.body, bytes)
        assert gzip.decompress(packed.body) == whole.body == file.content
        headers = dict(whole.headers)
        assert headers["Cache-Control"] == "no-cache"
        assert headers["X-Content-Type-Options"] == "nosniff"
        policy = headers["Content-Security-Policy"]
        assert {"default-src 'none'", "frame-ancestors 'none'", "style-src 'self'"} <= {*policy.split("; ")}
        assert re.search(r"script-src 'self' 'sha256-[\w+/]{43}='; ", policy)  # of the one script in the page


def test_a_visit_loads_little() -> None:
    assert sum(len(file.compressed) for path, file in PAGE.items() if path != "/ui") < 45_000  # bytes


def test_nothing_is_loaded_from_elsewhere_or_written_as_html() -> None:
    html = (STATIC / "index.html").read_text()
    for reference in re.findall(r'(?:src|href)="([^"#]*)"', html):
        assert f"/{reference}" in PAGE or not reference
    assert html.count("<script>") == 1
    assert not re.search(r"<style|\son\w+=|style=", html)
    for path in STATIC.glob("*.js"):
        text = path.read_text()
        assert not re.search(
            r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\(|https?://(?!www\.w3)", text
        ), path
        for module in re.findall(r'from "\./([^"]+)"', text):
            assert (STATIC / module).exists(), (path, module)


def published(events: Events, after: int) -> list[dict[str, Any]]:
    """Return what a new listener gets at once."""

    async def read() -> str:
        text = ""
        async for part in events.stream(after):
            text += part.decode()
            if "caught_up" in text:
                break
        return text

    return [json.loads(line[6:]) for line in asyncio.run(read()).split("\n") if line.startswith("data: ")]


def test_earlier_events_come_first_to_those_who_ask(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(events_module, "_KEPT", 3)
    events = Events()
    for kind in ("starting", "ready", "draining", "stopped"):
        events.report(LifecycleEvent(kind, "a"))
    assert [event["kind"] for event in published(events, 0)] == ["ready", "draining", "stopped", "caught_up"]
    assert [event.get("id") for event in published(events, 3)] == [4, None]


def test_a_wait_is_published_once_in_a_while(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [1000.0]
    monkeypatch.setattr(time, "time", lambda: now[0])
    events = Events()
    for model, later in (("a", 0.0), ("a", 9.0), ("b", 0.0), ("a", 1.0)):
        now[0] += later
        events.note_wait(model, 2.5)
    waits = [(event["model"], event["time"], event["seconds"]) for event in published(events, 0)[:-1]]
    assert waits == [("a", 1000.0, 2.5), ("b", 1009.0, 2.5), ("a", 1010.0, 2.5)]


def test_only_numbers_of_events_are_asked_after(served: Served) -> None:
    for wrong in ("x", "-1", "", "9" * 30):
        assert served.ask(f"/events?after={wrong}", Authorization="Bearer admin")[0] == 400


def test_the_status_says_what_runs(served: Served) -> None:
    status = served.ask("/status", Authorization="Bearer admin")[1]
    written = (served.folder / "manifest.json").read_bytes()
    assert status["manifest"] == hashlib.sha256(written).hexdigest()[:12]
    assert status["uptime"] > 0
    assert status["models"][0]["last_start"] is None
    served.ask("/switch", {"model_id": "a"}, Authorization="Bearer admin")
    assert served.ask("/models", Authorization="Bearer admin")[1]["models"][0]["last_start"] > 0
