"""Wrong paths, methods and keys: what a client is told, and bodies without a model."""

from __future__ import annotations

import hashlib
import http.client
import json
import socket
from typing import TYPE_CHECKING

import pytest

from runtime_serving import Served, engine, manifest, serving

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.slow  # starts processes

DATA, CONTROL = "key-of-a-client", "key-of-an-operator"
TEI_ROUTES = ("/embed", "/rerank")


@pytest.fixture(scope="module")
def orchestrator(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    folder = tmp_path_factory.mktemp("addresses")
    lines = [
        f"{role} sha256:{hashlib.sha256(key.encode()).hexdigest()}"
        for role, key in (("user", DATA), ("admin", CONTROL))
    ]
    (folder / "keys").write_text("\n".join(lines))
    with serving(folder, manifest(engine("a", gib=0), keys_file="keys")) as served:
        yield served


def ask(
    served: Served, method: str, path: str, *headers: tuple[str, str], body: bytes | None = None
) -> tuple[int, dict[str, str], str]:
    """Return status, headers and text of an answer; the path is sent as it is."""
    connection = http.client.HTTPConnection("127.0.0.1", served.port, timeout=20)
    connection.putrequest(method, path)
    for name, value in headers:
        connection.putheader(name, value)
    if body is not None:
        connection.putheader("Content-Length", str(len(body)))
    connection.endheaders(body)
    answer = connection.getresponse()
    fields = {name.lower(): value for name, value in answer.getheaders()}
    text = answer.read().decode()
    connection.close()
    return answer.status, fields, text


def of_key(key: str) -> tuple[str, str]:
    return "Authorization", f"Bearer {key}"


@pytest.mark.parametrize(
    ("name", "form"),
    [
        ("Authorization", "Bearer {}"),
        ("Authorization", "bearer   {}"),
        ("authorization", "{}"),
        ("x-api-key", "{}"),
        ("api-key", "{}"),
        ("X-Goog-Api-Key", "{}"),
    ],
)
def test_a_key_comes_in_the_headers_of_all_clients_and_goes_no_further(
    orchestrator: Served, name: str, form: str
) -> None:
    assert ask(orchestrator, "GET", "/v1/models", (name, form.format(DATA)))[0] == 200
    assert ask(orchestrator, "GET", "/status", (name, form.format(CONTROL)))[0] == 200
    assert ask(orchestrator, "GET", "/v1/models", (name, form.format("wrong")))[0] == 401
    status, _, text = ask(orchestrator, "POST", "/headers", (name, form.format(DATA)), body=b'{"model": "a"}')
    assert (status, DATA in text, name.lower() in text.lower()) == (200, False, False)


@pytest.mark.parametrize("value", ["", "Bearer", "Bearer ", f"Basic {DATA}", f"Token {DATA}", f"{DATA} {DATA}"])
def test_what_is_no_key_is_none(orchestrator: Served, value: str) -> None:
    status, fields, text = ask(orchestrator, "GET", "/v1/models", ("Authorization", value))
    assert (status, fields["www-authenticate"]) == (401, "Bearer")
    assert "send it as `Authorization: Bearer KEY`, `x-api-key: KEY` or `api-key: KEY`" in text
    assert DATA not in text


def test_of_two_keys_the_one_with_the_lesser_role_counts(orchestrator: Served) -> None:
    for first, second, data, control in (
        (DATA, CONTROL, 200, 403),
        (CONTROL, DATA, 200, 403),
        (CONTROL, CONTROL, 200, 200),
        ("of-another-service", CONTROL, 200, 200),
        (DATA, "of-another-service", 200, 403),
        ("wrong", "of-another-service", 401, 401),
    ):
        headers = (of_key(first), ("x-api-key", second))
        assert ask(orchestrator, "GET", "/v1/models", *headers)[0] == data
        assert ask(orchestrator, "GET", "/status", *headers)[0] == control
        text = ask(orchestrator, "POST", "/headers", *headers, body=b'{"model": "a"}')[2]
        assert not any(key in text for key in (first, second) if data == 200)
    assert ask(orchestrator, "GET", "/v1/models", ("x-api-key", DATA), ("X-Api-Key", DATA))[0] == 400


@pytest.mark.parametrize("path", ["/nothing", "/models/a", "/models/a/start", "/switch/", "/v1/nothing", "/Status"])
def test_what_does_not_exist_is_not_found_with_any_key_and_nobodys_business_without(
    orchestrator: Served, path: str
) -> None:
    assert ask(orchestrator, "POST", path, body=b"{}")[0] == 401
    for key in (DATA, CONTROL):
        status, _, text = ask(orchestrator, "POST", path, of_key(key), body=b"{}")
        assert (status, text[-1]) == (404, "\n"), "a shell prints its prompt on the next line"
        assert ask(orchestrator, "GET", path, of_key(key))[0] == 404
    assert ask(orchestrator, "GET", "/v1/models", of_key(DATA))[2].endswith("}\n")


@pytest.mark.parametrize(
    ("method", "path", "allow"),
    [
        ("GET", "/v1/chat/completions", "POST"),
        ("OPTIONS", "/v1/chat/completions", "POST"),
        ("POST", "/v1/models", "GET, HEAD"),
        ("DELETE", "/v1/models/a", "GET, HEAD"),
        ("GET", "/switch", "POST"),
        ("POST", "/status", "GET, HEAD"),
        ("GET", "/models/a/hold", "POST"),
        ("POST", "/healthz", "GET, HEAD"),
    ],
)
def test_a_wrong_method_is_told_the_right_one(orchestrator: Served, method: str, path: str, allow: str) -> None:
    status, fields, _ = ask(orchestrator, method, path, of_key(CONTROL))
    assert (status, fields["allow"]) == (405, allow)


@pytest.mark.parametrize(
    ("path", "meant", "base"),
    [
        ("/v1//models", "/v1/models", "/v1"),
        ("//v1/models", "/v1/models", "/v1"),
        ("/v1/v1/models", "/v1/models", "/v1"),
        ("/v1/v1/models/a", "/v1/models/a", "/v1"),
        ("/api/v1/models", "/v1/models", "/v1"),
        ("/v1/v1/chat/completions", "/v1/chat/completions", "/v1"),
        ("/chat/completions", "/v1/chat/completions", "/v1"),
        ("/openai/v1/chat/completions", "/v1/chat/completions", "/v1"),
        ("/v1/chat/completions/", "/v1/chat/completions", "/v1"),
        ("/v1/chat/completions/chat/completions", "/v1/chat/completions", "/v1"),
        ("/v1/v1/messages", "/v1/messages", ""),
        ("/messages", "/v1/messages", ""),
        ("/v1/echo", "/echo", ""),
    ],
)
def test_a_wrong_base_address_is_told_the_right_one(orchestrator: Served, path: str, meant: str, base: str) -> None:
    for body in (b"{}", b"{" + b" " * 2**21 + b"}"):
        status, _, text = ask(orchestrator, "POST", path, of_key(DATA), body=body)
        end = f"but {meant}; use the base URL http://127.0.0.1:{orchestrator.port}{base}"
        message = json.loads(text)["error"]["message"]
        assert (status, message) == (404, f"there is no {path} here, {end}")


def test_behind_a_proxy_that_says_so_the_base_address_is_https(orchestrator: Served) -> None:
    for proto, scheme in (("https", "https"), ("http", "http"), ("javascript", "http")):
        text = ask(orchestrator, "GET", "/v1/v1/models", of_key(DATA), ("X-Forwarded-Proto", proto))[2]
        assert json.loads(text)["error"]["message"].endswith(f" {scheme}://127.0.0.1:{orchestrator.port}/v1")


@pytest.mark.parametrize("name", ["evil.example", "a" * 9000, "b\x85c", 'x\u00e9"] # ', "[::zz]"])
def test_a_foreign_host_is_named_only_where_it_is_a_name(orchestrator: Served, name: str) -> None:
    data = f"GET /v1/models HTTP/1.1\r\nHost: {name}:80\r\n\r\n".encode("latin-1")
    with socket.create_connection(("127.0.0.1", orchestrator.port), 20) as client:
        client.sendall(data)
        head, _, body = client.recv(65536).partition(b"\r\n\r\n")
    message = json.loads(body)["error"]["message"]
    assert head.startswith(b"HTTP/1.1 403")
    assert message.isprintable()
    assert (name in message, len(message) < 300) == (name == "evil.example", True)


@pytest.mark.xdist_group("clients")  # one worker imports them
def test_the_official_client_shows_the_right_base_address(orchestrator: Served) -> None:
    import openai

    def client(base: str) -> openai.OpenAI:
        return openai.OpenAI(base_url=orchestrator.url + base, api_key=DATA, max_retries=0)

    told = f"use the base URL {orchestrator.url}/v1$"
    for base in ("", "/v1/v1", "/api/v1"):
        with client(base) as wrong, pytest.raises(openai.NotFoundError, match=told):
            wrong.chat.completions.create(model="a", messages=[])
    with client("") as wrong, pytest.raises(openai.PermissionDeniedError, match="their base URL ends in /v1"):
        wrong.models.list()


def test_a_long_path_that_nobody_has_is_answered(orchestrator: Served) -> None:
    status, _, text = ask(orchestrator, "GET", "/v1/" + "models%0a/" * 3000, of_key(DATA))
    assert (status, len(text) < 500) == (404, True)


def test_a_body_without_a_model_goes_to_the_one_that_can_take_it(tmp_path_factory: pytest.TempPathFactory) -> None:
    embedder = engine("embedder", gib=0, routes=("/embed", "/echo", "/v1/embeddings"), upstream_name="inner")
    chats = [engine(name, gib=0, routes=("/v1/chat/completions",), names=(name, f"org/{name}")) for name in "bc"]
    with serving(tmp_path_factory.mktemp("one"), manifest(embedder, *chats)) as served:
        form = b'--x\r\nContent-Disposition: form-data; name="file"\r\n\r\nhello\r\n--x--\r\n'
        for body in (b'{"inputs": "x"}', b'{"inputs": "x", "model": null}', b'{"inputs": "' + b"x" * 100_000 + b'"}'):
            assert ask(served, "POST", "/echo", body=body)[::2] == (200, body.decode())
        typed = ("Content-Type", "multipart/form-data; boundary=x")
        assert ask(served, "POST", "/echo", typed, body=form)[::2] == (200, form.decode())
        status, _, text = ask(served, "POST", "/v1/chat/completions", body=b'{"messages": []}')
        assert (status, json.loads(text)["error"]["message"]) == (
            400,
            "the body has no `model`, and several models have /v1/chat/completions: `b`, `c`",
        )
        for body in (b"[]", b'["x"]', b'"x"', b""):
            assert ask(served, "POST", "/echo", body=body)[0] == 400
