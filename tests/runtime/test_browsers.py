"""Pages in browsers, as their browsers speak for them: CORS on the data routes, and all else closed."""

from __future__ import annotations

import hashlib
import json
import socket
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from modelgen_runtime.manifest import write_manifest
from runtime_serving import Served, engine, manifest, serving

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.slow  # starts processes

PAGE = "http://localhost:5173"
LISTED = (PAGE, "app://obsidian.md", "chrome-extension://mhjfbmdgcfjbbpaeojofohoefgiehjai", "HTTPS://App.Example:443")
KEY = "key-of-a-client"
BODY = b'{"model": "a", "messages": [{"role": "user", "content": "hello"}]}'
# What the official OpenAI client for JavaScript sends.
OPENAI_HEADERS = (
    "authorization,content-type,x-stainless-arch,x-stainless-lang,x-stainless-os,x-stainless-package-version,"
    "x-stainless-retry-count,x-stainless-runtime,x-stainless-runtime-version,x-stainless-timeout"
)


@pytest.fixture(scope="module")
def orchestrator(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    folder = tmp_path_factory.mktemp("browsers")
    (folder / "keys").write_text(f"user sha256:{hashlib.sha256(KEY.encode()).hexdigest()}\n")
    broken = engine("broken", "--exit-at-start", "1", gib=0)
    with serving(folder, manifest(engine("a", gib=0), broken, keys_file="keys", allowed_origins=LISTED)) as served:
        yield served


@pytest.fixture(scope="module")
def without_keys(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """It lists an origin, and the name of a reverse proxy."""
    listed = manifest(engine("a", gib=0), allowed_hosts=("llm.example",), allowed_origins=(PAGE,))
    with serving(tmp_path_factory.mktemp("no-keys"), listed) as served:
        yield served


@pytest.fixture(scope="module")
def open_one(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """It has no keys, and lists no origins."""
    with serving(tmp_path_factory.mktemp("open"), manifest(engine("a", gib=0))) as served:
        yield served


def ask(
    served: Served, method: str, path: str, *headers: str, body: bytes = b"", host: str | None = None
) -> tuple[int, dict[str, str], bytes]:
    """Return status, headers by name in lower case, and body."""
    lines = [f"{method} {path} HTTP/1.1", f"Host: {host or f'localhost:{served.port}'}", "Connection: close", *headers]
    lines.append(f"Content-Length: {len(body)}")
    with socket.create_connection(("127.0.0.1", served.port), 20) as client:
        client.sendall("\r\n".join([*lines, "", ""]).encode() + body)
        answer = b""
        while more := client.recv(65536):
            answer += more
    head, _, content = answer.partition(b"\r\n\r\n")
    status, *fields = head.decode("latin-1").split("\r\n")
    named = [(name.lower(), value.strip()) for name, _, value in (line.partition(":") for line in fields)]
    assert len(dict(named)) == len(named), named
    return int(status.split()[1]), dict(named), content


def preflight(served: Served, path: str, origin: str, *headers: str) -> tuple[int, dict[str, str], bytes]:
    return ask(served, "OPTIONS", path, f"Origin: {origin}", "Access-Control-Request-Method: POST", *headers)


@pytest.mark.parametrize("origin", LISTED)
@pytest.mark.parametrize("path", ["/v1/chat/completions", "/v1/models", "/v1/embeddings", "/echo", "/v1/unknown"])
def test_a_preflight_of_a_listed_origin_passes_without_a_key(orchestrator: Served, origin: str, path: str) -> None:
    status, fields, body = preflight(
        orchestrator,
        path,
        origin,
        f"Access-Control-Request-Headers: {OPENAI_HEADERS}",
        "Access-Control-Request-Private-Network: true",
    )
    assert (status, body) == (204, b"")
    assert fields == {
        "access-control-allow-origin": origin,
        "access-control-allow-methods": "GET, HEAD, POST",
        "access-control-allow-headers": OPENAI_HEADERS,
        "access-control-allow-private-network": "true",
        "access-control-max-age": "600",
        "vary": "Origin",
        "connection": "close",
    }


def test_a_preflight_names_no_more_headers_than_a_browser_would(orchestrator: Served) -> None:
    for asked in ("x" * 3000, "a;b", "a(b)", ""):
        status, fields, _ = preflight(orchestrator, "/v1/models", PAGE, f"Access-Control-Request-Headers: {asked}")
        assert (status, "access-control-allow-headers" in fields) == (204, False)


def test_a_preflight_of_another_origin_says_what_to_write(orchestrator: Served) -> None:
    for origin in ("http://localhost:5174", "https://localhost:5173", "http://127.0.0.1:5173", "app://obsidian"):
        status, fields, body = preflight(orchestrator, "/v1/models", origin)
        assert (status, "access-control-allow-origin" in fields, fields["vary"]) == (403, False, "Origin")
        assert f'`[orchestrator] allowed_origins = ["{origin}"]`' in json.loads(body)["error"]["message"]


@pytest.mark.parametrize(
    ("method", "path", "body", "status"),
    [
        ("GET", "/v1/models", b"", 200),
        ("GET", "/v1/models/nobody", b"", 404),
        ("POST", "/v1/chat/completions", BODY, 200),
        ("POST", "/v1/chat/completions", BODY.replace(b"{", b'{"stream": true, ', 1), 200),
        ("POST", "/v1/chat/completions", BODY.replace(b'"a"', b'"broken"'), 503),
        ("POST", "/v1/chat/completions", b"[]", 400),
        ("POST", "/v1/unknown", b"{}", 404),
        ("POST", "/chat/completions", b"{}", 404),
        ("PUT", "/v1/chat/completions", b"{}", 405),
    ],
)
def test_a_page_of_a_listed_origin_reads_every_answer(
    orchestrator: Served, method: str, path: str, body: bytes, status: int
) -> None:
    told = ask(orchestrator, method, path, f"Origin: {PAGE}", f"Authorization: Bearer {KEY}", body=body)
    for answered, fields, _ in (told, ask(orchestrator, method, path, f"Origin: {PAGE}", body=body)):
        assert answered in (status, 401)
        assert fields["access-control-allow-origin"] == PAGE
        assert (fields["access-control-expose-headers"], fields["vary"]) == ("*", "Origin")
        assert "access-control-allow-credentials" not in fields
    assert told[0] == status


def test_a_body_that_is_too_large_is_refused_legibly(orchestrator: Served) -> None:
    head = (
        f"POST /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\nOrigin: {PAGE}\r\nAuthorization: {KEY}\r\n"
        "Content-Length: 999999999999\r\n\r\n"
    )
    with socket.create_connection(("127.0.0.1", orchestrator.port), 20) as client:
        client.sendall(head.encode())
        answer = client.recv(65536)
    assert answer.startswith(b"HTTP/1.1 413")
    assert f"Access-Control-Allow-Origin: {PAGE}\r\n".encode() in answer


def test_a_stream_that_waits_for_its_model_is_legible_from_its_first_comment(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    slow = engine("a", "--healthy-after", "60")
    with serving(
        tmp_path_factory.mktemp("slow"), manifest(slow, allowed_origins=(PAGE,), loading_messages="comments")
    ) as served:
        body = BODY.replace(b"{", b'{"stream": true, ', 1)
        head = f"POST /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\nOrigin: {PAGE}\r\nContent-Length: {len(body)}"
        with socket.create_connection(("127.0.0.1", served.port), 60) as client:
            client.sendall(f"{head}\r\n\r\n".encode() + body)
            begun = client.recv(65536)
    assert begun.startswith(b"HTTP/1.1 200")
    assert f"Access-Control-Allow-Origin: {PAGE}\r\n".encode() in begun


def test_answers_to_others_vary_too(orchestrator: Served, open_one: Served) -> None:
    assert ask(orchestrator, "GET", "/v1/models")[1]["vary"] == "Origin"
    assert "vary" not in ask(open_one, "GET", "/v1/models")[1]


@pytest.mark.parametrize("origin", ["null", "file://", "http://localhost:3000", "http://é\x85.example", "x" * 9000])
def test_a_page_that_is_not_listed_is_refused_even_if_it_asks_for_nothing_special(
    open_one: Served, origin: str
) -> None:
    status, fields, body = ask(
        open_one, "POST", "/v1/chat/completions", f"Origin: {origin}", "Content-Type: text/plain", body=BODY
    )
    message = json.loads(body)["error"]["message"]
    assert (status, "access-control-allow-origin" in fields) == (403, False)
    assert "`[orchestrator] allowed_origins" in message
    assert message.isprintable()
    assert len(message) < 300


def test_null_is_no_origin_that_could_be_listed(tmp_path_factory: pytest.TempPathFactory) -> None:
    odd = manifest(engine("a", gib=0), allowed_origins=("null", "*", ""))
    with serving(tmp_path_factory.mktemp("null"), odd) as served:
        for origin in ("null", "*", "http://evil.example"):
            status, fields, _ = preflight(served, "/v1/models", origin)
            assert (status, "access-control-allow-origin" in fields) == (403, False)


OURS = ("http://localhost:{port}", "HTTP://LOCALHOST:{port}")
CONTROL = (("POST", "/switch"), ("GET", "/status"), ("GET", "/models"), ("POST", "/reload"), ("GET", "/logs/a"))


@pytest.mark.parametrize(("method", "path"), [*CONTROL, ("GET", "/metrics"), ("GET", "/openapi.json")])
def test_what_operates_the_models_is_closed_to_pages(without_keys: Served, method: str, path: str) -> None:
    body = b'{"model_id": "a", "dry_run": true}' if path == "/switch" else b"{}"
    for headers in (
        (f"Origin: {PAGE}",),
        ("Origin: http://localhost:3000",),
        ("Origin: https://evil.example",),
        ("Origin: null",),
        ("Sec-Fetch-Site: cross-site",),
        ("Sec-Fetch-Site: same-site",),
        (f"Origin: http://localhost:{without_keys.port}", "Sec-Fetch-Site: same-site"),
    ):
        status, fields, told = ask(without_keys, method, path, *headers, body=body)
        assert (status, "access-control-allow-origin" in fields) == (403, False), headers
        assert b"closed to pages of other origins" in told
    for origin in OURS:
        ours = (f"Origin: {origin.format(port=without_keys.port)}", "Sec-Fetch-Site: same-origin")
        assert ask(without_keys, method, path, *ours, body=body)[0] == 200
    for none in ((), ("Sec-Fetch-Site: none",)):
        assert ask(without_keys, method, path, *none, body=body)[0] == 200


def test_a_page_behind_a_reverse_proxy_is_this_servers_own(without_keys: Served) -> None:
    """The proxy ends TLS, and passes the Host header on."""
    for origin, host, status in (
        ("https://llm.example", "llm.example", 200),
        ("https://llm.example", "llm.example:443", 200),
        ("https://llm.example:8443", "llm.example:8443", 200),
        ("https://llm.example:8443", "llm.example", 403),
        ("https://llm.example", f"localhost:{without_keys.port}", 403),
        ("https://other.example", "other.example", 403),
        ("ftp://llm.example", "llm.example", 403),
    ):
        told = ask(without_keys, "POST", "/switch", f"Origin: {origin}", body=b'{"model_id": "a"}', host=host)
        assert told[0] == status, (origin, host, told)


def test_the_log_names_a_refused_origin_once(open_one: Served) -> None:
    """Browsers show a page's author nothing of the answer."""
    for _ in range(3):
        assert preflight(open_one, "/v1/models", "http://once.example")[0] == 403
    log = (open_one.folder / "orchestrator.log").read_text()
    assert log.count('allowed_origins = ["http://once.example"]') == 1


def test_a_reload_brings_other_origins(tmp_path_factory: pytest.TempPathFactory) -> None:
    one = manifest(engine("a", gib=0))
    with serving(tmp_path_factory.mktemp("reloaded"), one) as served:
        assert preflight(served, "/v1/models", PAGE)[0] == 403
        other = replace(one, settings=replace(one.settings, allowed_origins=(PAGE,)))
        (served.folder / "manifest.json").write_bytes(write_manifest(other))
        assert served.ask("/reload", {})[0] == 200
        assert preflight(served, "/v1/models", PAGE)[0] == 204
