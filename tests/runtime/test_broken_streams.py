"""Answers that break: each kind of client gets the reason, in the shape that its library reads."""

from __future__ import annotations

import json
import socket
from typing import TYPE_CHECKING

import pytest

from modelgen_runtime.gateway.problems import engine_error_event, error_event
from modelgen_runtime.manifest import Process
from modelgen_runtime.state.refusals import ended
from runtime_serving import engine, manifest, post, serving

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.slow  # starts processes

DYING = engine("a", "--exit-after", "1", "--chunks", "6")
LOADS_IN_VAIN = engine("a", process=Process(("sh", "-c", "sleep 11; echo 'CUDA out of memory' >&2; exit 3")))
"""Long enough for a client that streams to get comments."""


@pytest.mark.xdist_group("clients")  # one worker imports them
def test_the_clients_of_openai_raise_with_the_reason(tmp_path: Path) -> None:
    import openai

    with serving(tmp_path, manifest(DYING)) as served:
        with openai.OpenAI(base_url=f"{served.url}/v1", api_key="none", max_retries=0) as client:
            chat = client.chat.completions.create(
                model="a", messages=[{"role": "user", "content": "x"}], stream=True, timeout=20
            )
            with pytest.raises(openai.APIError, match=r"`a` died \(exit code 1\); GPU memory is full"):
                list(chat)
        with openai.OpenAI(base_url=f"{served.url}/v1", api_key="none", max_retries=2) as client:
            text = client.completions.create(model="a", prompt="x", stream=True, timeout=20)
            with pytest.raises(openai.APIError, match="GPU memory is full"):
                list(text)


@pytest.mark.xdist_group("clients")  # one worker imports them
def test_the_client_of_anthropic_raises_with_the_reason(tmp_path: Path) -> None:
    import anthropic

    with (
        serving(tmp_path, manifest(DYING)) as served,
        anthropic.Anthropic(base_url=served.url, api_key="none", max_retries=0) as client,
        pytest.raises(anthropic.APIError, match="GPU memory is full"),
        client.messages.stream(model="a", max_tokens=9, messages=[{"role": "user", "content": "m"}]) as events,
    ):
        list(events)


@pytest.mark.xdist_group("clients")  # one worker imports them
def test_a_model_that_dies_while_it_loads_is_no_empty_success(tmp_path: Path) -> None:
    import anthropic

    with (
        serving(tmp_path, manifest(LOADS_IN_VAIN)) as served,
        anthropic.Anthropic(base_url=served.url, api_key="none", max_retries=0) as client,
        pytest.raises(anthropic.APIError, match="ended before it was ready"),
        client.messages.stream(model="a", max_tokens=9, messages=[{"role": "user", "content": "m"}]) as events,
    ):
        list(events)


def test_an_answer_that_does_not_stream_breaks_off(tmp_path: Path) -> None:
    """An engine that promised 100 bytes and sent 5: nothing can be added that a client would not take for the rest."""
    script = (
        "import http.server as h, sys\n"
        "class H(h.BaseHTTPRequestHandler):\n"
        "    def do_GET(self):\n"
        "        self.send_response(200); self.send_header('Content-Length', '0'); self.end_headers()\n"
        "    def do_POST(self):\n"
        "        self.send_response(200); self.send_header('Content-Length', '100'); self.end_headers()\n"
        "        self.wfile.write(b'hello')\n"
        "h.ThreadingHTTPServer(('127.0.0.1', int(sys.argv[1])), H).serve_forever()\n"
    )
    model = engine("a", process=Process(("python3", "-c", script, "{port}")))
    model = type(model)(**{**{name: getattr(model, name) for name in model.__slots__}, "readiness": READY})
    with serving(tmp_path, manifest(model)) as served, socket.create_connection(("127.0.0.1", served.port), 20) as one:
        one.sendall(post("/v1/chat/completions", body=b'{"model": "a", "messages": []}'))
        answer = b""
        try:
            while more := one.recv(65536):
                answer += more
        except ConnectionResetError:
            pass
        assert answer.endswith(b"\r\n\r\nhello")


@pytest.mark.parametrize(("said", "is_whole"), [("", False), ("data: [DONE]\\n\\n", True)])
def test_a_stream_that_ends_with_its_connection_is_whole_only_with_its_last_event(
    tmp_path: Path,
    said: str,
    is_whole: bool,  # noqa: FBT001
) -> None:
    script = (
        "import http.server as h, sys\n"
        "class H(h.BaseHTTPRequestHandler):\n"
        "    def do_GET(self):\n"
        "        self.send_response(200); self.send_header('Content-Length', '0'); self.end_headers()\n"
        "    def do_POST(self):\n"
        "        self.send_response(200); self.send_header('Content-Type', 'Text/Event-Stream'); self.end_headers()\n"
        f"        self.wfile.write(b'data: {{}}\\n\\n{said}')\n"
        "h.ThreadingHTTPServer(('127.0.0.1', int(sys.argv[1])), H).serve_forever()\n"
    )
    model = engine("a", process=Process(("python3", "-c", script, "{port}")), readiness=READY)
    with serving(tmp_path, manifest(model)) as served:
        body = served.ask("/v1/chat/completions", {"model": "a", "messages": [], "stream": True})[1]
        assert body.startswith("data: {}\n\n")
        assert ("stream was whole" in body) != is_whole


READY = type(DYING.readiness)("/health", 10.0)


@pytest.mark.parametrize(
    ("path", "event", "place"),
    [
        ("/v1/chat/completions", None, ("error",)),
        ("/v1/completions", None, ("error",)),
        ("/v1/responses", b"error", ()),
        ("/v1/responses", b"error", ("error",)),
        ("/v1/messages", b"error", ("error",)),
        ("/generate", None, ("error",)),
    ],
)
def test_the_shape_of_the_last_event(path: str, event: bytes | None, place: tuple[str, ...]) -> None:
    for told in (error_event(path, ended("a")), engine_error_event(path, 500, b"`a` was stopped")):
        *head, data, end, last = told.split(b"\n")
        assert (end, last) == (b"", b"")
        assert head == ([] if event is None else [b"event: " + event])
        body = json.loads(data.removeprefix(b"data: "))
        if told.startswith(b"event") and not place and "message" not in body:
            continue  # an engine's own error has what the engine wrote
        for key in place:
            body = body[key]
        assert body["message"].startswith("`a` was stopped")


def test_the_error_of_an_engine_is_passed_on_as_it_is() -> None:
    engines = json.dumps({"error": {"message": "too\nlong", "code": 400}}).encode()
    assert json.loads(engine_error_event("/v1/completions", 400, engines)[6:])["error"]["message"] == "too\nlong"
    detail = engine_error_event("/v1/completions", 422, b'{"detail": "no field"}')
    assert "no field" in json.loads(detail[6:])["error"]["message"]
