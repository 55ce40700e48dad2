"""The data path: the same bytes as asked directly, strict framing, and clients that go away."""

from __future__ import annotations

import base64
import hashlib
import json
import socket
import urllib.request
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import hypothesis.strategies as st
import pytest
from hypothesis import given, settings

from modelgen_runtime.gateway.keys import KeysError, read_keys
from modelgen_runtime.manifest import write_manifest
from runtime_serving import Served, engine, manifest, post, serving, spawn, wait_for

if TYPE_CHECKING:
    from collections.abc import Iterator

    from modelgen_runtime.manifest import Model

pytestmark = pytest.mark.slow  # starts processes

PATH = "/v1/chat/completions"
ASKED = {"model": "a", "messages": [{"role": "user", "content": 'grüße "model": \\ 🐝'}]}


@pytest.fixture(scope="module")
def orchestrator(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    renamed = engine("inner", gib=0, names=("outer",))
    folder = tmp_path_factory.mktemp("gateway")
    with serving(folder, manifest(engine("a", "--pace", "0.01", gib=0), as_outer(renamed))) as served:
        assert served.chat("a")[0] == 200
        yield served


def as_outer(model: Model) -> Model:
    """Its engine knows one name only, and clients others."""
    return replace(model, id="outer", names=("outer", "org/outer"), upstream_name="inner")


def send(port: int, data: bytes, *, pieces: int = 1, end: bool = True) -> bytes:
    """Send bytes as they are, and return all that comes back."""
    with socket.create_connection(("127.0.0.1", port), 20) as client:
        client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        size = -(-len(data) // pieces)
        for start in range(0, len(data), size):
            client.sendall(data[start : start + size])
        answer = b""
        while more := client.recv(65536):
            answer += more
            if not end and answer.endswith(b"0\r\n\r\n"):
                break
        return answer


def request(body: bytes, *headers: str, path: str = PATH) -> bytes:
    """Return a request that asks for the connection to be closed."""
    return post(path, "Connection: close", *headers, body=body)


def parts_of(answer: bytes) -> tuple[bytes, dict[bytes, bytes], bytes]:
    """Return status line, headers that go end to end, and the body without the framing of chunks."""
    head, _, body = answer.partition(b"\r\n\r\n")
    status, *lines = head.split(b"\r\n")
    fields = {name.lower(): value.strip() for name, _, value in (line.partition(b":") for line in lines)}
    if fields.pop(b"transfer-encoding", b"") == b"chunked":
        decoded = b""
        while body:
            size, _, body = body.partition(b"\r\n")
            decoded, body = decoded + body[: int(size, 16)], body[int(size, 16) + 2 :]
        body = decoded
    return status.partition(b" ")[2], {k: v for k, v in fields.items() if k not in (b"connection", b"date")}, body


@pytest.mark.parametrize(
    ("path", "extra"),
    [
        (PATH, {}),
        (PATH, {"stream": True}),
        ("/v1/completions", {"prompt": "x"}),
        ("/v1/embeddings", {"input": "x"}),
        ("/v1/messages", {"stream": True}),
        (PATH, {"tools": [{"type": "function", "function": {"name": "f"}}]}),
    ],
)
def test_the_answer_is_the_engines(orchestrator: Served, path: str, extra: dict[str, object]) -> None:
    body = json.dumps(ASKED | extra).encode()
    sent = request(body, "Content-Type: application/json", path=path)
    direct = parts_of(send(orchestrator.engine_port("a"), sent))
    assert direct[0].startswith(b"200")
    assert parts_of(send(orchestrator.port, sent)) == direct
    in_chunks = b"".join(b"%x\r\n%c\r\n" % (1, byte) for byte in body) + b"0\r\n\r\n"
    sent = request(in_chunks, "Content-Type: application/json", "Transfer-Encoding: chunked", path=path)
    assert parts_of(send(orchestrator.port, sent))[2] == direct[2]


def test_an_engines_error_is_passed_on(orchestrator: Served) -> None:
    body = json.dumps(ASKED | {"model": "outer"}).encode()
    assert parts_of(send(orchestrator.port, request(body)))[0] == b"200 OK"
    assert orchestrator.ask("/v1/models/org/outer")[1]["id"] == "org/outer"


@settings(max_examples=40, deadline=None)
@given(
    pieces=st.integers(1, 60), size=st.sampled_from([0, 10, 70_000]), is_last=st.booleans(), is_chunked=st.booleans()
)
def test_any_cut_of_the_bytes_is_the_same_request(
    orchestrator: Served, pieces: int, size: int, *, is_last: bool, is_chunked: bool
) -> None:
    text = {"messages": [{"role": "user", "content": 'x"\\' * (size // 3) or "hi"}]}
    asked = {**text, "model": "outer"} if is_last else {"model": "outer", **text}
    body = json.dumps(asked).encode()
    framing, sent = f"Content-Length: {len(body)}", body
    if is_chunked:
        framing = "Transfer-Encoding: chunked"
        sent = b"".join(b"%x\r\n%b\r\n" % (len(part), part) for part in (body[:7], body[7:])) + b"0\r\n\r\n"
    answer = parts_of(send(orchestrator.port, request(sent, framing), pieces=pieces))
    assert answer[0] == b"200 OK", answer
    assert json.loads(answer[2])["model"] == "inner"
    assert json.loads(answer[2])["choices"][0]["text"] == text["messages"][0]["content"]


GET = b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n"
POST = f"POST {PATH} HTTP/1.1\r\nHost: localhost\r\n".encode()
BODY = json.dumps(ASKED).encode()
LENGTH = b"Content-Length: %d\r\n" % len(BODY)


@pytest.mark.parametrize(
    ("data", "status"),
    [
        pytest.param(POST + LENGTH + LENGTH + b"\r\n" + BODY, 400, id="two lengths"),
        pytest.param(POST + LENGTH + b"Content-Length: 5\r\n\r\n" + BODY, 400, id="two other lengths"),
        pytest.param(POST + LENGTH + b"Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400, id="length and chunks"),
        pytest.param(POST + b"Transfer-Encoding: chunked\r\n" + LENGTH + b"\r\n0\r\n\r\n", 400, id="chunks and length"),
        pytest.param(POST + b"Transfer-Encoding: chunked\r\n" * 2 + b"\r\n0\r\n\r\n", 400, id="chunked twice"),
        pytest.param(POST + b"Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n", 400, id="chunked, then not"),
        pytest.param(POST + b"Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n", 400, id="gzip"),
        pytest.param(POST + b"Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n", 400, id="nearly chunked"),
        pytest.param(POST + b"Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n", 400, id="space before the colon"),
        pytest.param(POST + b"Content-Length: +5\r\n\r\nhello", 400, id="plus five"),
        pytest.param(POST + b"Content-Length: -5\r\n\r\nhello", 400, id="minus five"),
        pytest.param(POST + b"Content-Length: 5, 5\r\n\r\nhello", 400, id="a list of lengths"),
        pytest.param(POST + b"Content-Length: 0x5\r\n\r\nhello", 400, id="hexadecimal"),
        pytest.param(POST + b"Content-Length: 9" * 40 + b"\r\n\r\n", 400, id="endless length"),
        pytest.param(POST + b"Transfer-Encoding: chunked\r\n\r\nzz\r\nhello\r\n0\r\n\r\n", 400, id="bad chunk"),
        pytest.param(POST + b"Transfer-Encoding: chunked\r\n\r\n-1\r\nhello\r\n0\r\n\r\n", 400, id="negative chunk"),
        pytest.param(POST + b"Transfer-Encoding: chunked\r\n\r\n5\r\nhelloX\r\n0\r\n\r\n", 400, id="long chunk"),
        pytest.param(
            POST.replace(b"1.1", b"1.0") + b"Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400, id="old chunks"
        ),
        pytest.param(GET + b"Host: other\r\n\r\n", 400, id="two hosts"),
        pytest.param(b"GET /healthz HTTP/1.1\r\n\r\n", 403, id="no host"),
        pytest.param(b"GET /healthz HTTP/1.1\r\nHost: evil.example\r\n\r\n", 403, id="another host"),
        pytest.param(b"GET /healthz HTTP/1.1\r\nHost: localhost@evil.example\r\n\r\n", 403, id="a user in the host"),
        pytest.param(GET + b"X: a\r\n b\r\n\r\n", 400, id="a folded header"),
        pytest.param(GET + b"X: a\x00b\r\n\r\n", 400, id="NUL"),
        pytest.param(GET + b"X\x01: a\r\n\r\n", 400, id="a control character in a name"),
        pytest.param(GET.replace(b"\r\n", b"\n") + b"\n", 400, id="bare line feeds"),
        pytest.param(GET + b"X: a\rY: b\r\n\r\n", 400, id="a bare carriage return"),
        pytest.param(b"GET /healthz HTTP/2.0\r\nHost: localhost\r\n\r\n", 505, id="another version"),
        pytest.param(b"GET /healthz HTTP/0.9\r\nHost: localhost\r\n\r\n", 505, id="an old version"),
        pytest.param(b"GET http://evil.example/healthz HTTP/1.1\r\nHost: localhost\r\n\r\n", 400, id="absolute"),
        pytest.param(b"CONNECT evil.example:443 HTTP/1.1\r\nHost: localhost\r\n\r\n", 405, id="connect"),
        pytest.param(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 400, id="the preface of HTTP/2"),
        pytest.param(GET + b"X: " + b"a" * 70_000 + b"\r\n\r\n", 431, id="a large header"),
        pytest.param(GET + b"".join(b"X%d: a\r\n" % n for n in range(300)) + b"\r\n", 431, id="many headers"),
        pytest.param(b"\x16\x03\x01\x02\x00\x01\x00", 400, id="TLS"),
        pytest.param(POST + b"Content-Length: 999999999999\r\n\r\n", 413, id="a large body"),
        pytest.param(b"POST /switch HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2000000\r\n\r\n", 413, id="control"),
        pytest.param(POST + b"Content-Length: 3\r\n\r\n{]}", 400, id="no JSON"),
        pytest.param(POST + b"Content-Length: 2\r\n\r\n[]", 400, id="a list"),
        pytest.param(POST + b"Content-Length: 2\r\n\r\n{}", 400, id="no model"),
        pytest.param(POST + b'Content-Length: 11\r\n\r\n{"model":5}', 400, id="a number for a model"),
        pytest.param(POST + b'Content-Length: 25\r\n\r\n{"model":"a","model":"b"}', 400, id="the model twice"),
    ],
)
def test_what_two_readers_could_read_in_two_ways_is_refused(orchestrator: Served, data: bytes, status: int) -> None:
    with socket.create_connection(("127.0.0.1", orchestrator.port), 20) as client:
        client.sendall(data)
        answer = client.recv(65536)
        assert answer.startswith(b"HTTP/1.1 %d" % status), answer[:300]
    assert orchestrator.ask("/healthz")[0] == 200


@pytest.mark.parametrize(
    ("origin", "status"),
    [
        ("http://localhost", 200),
        ("https://LOCALHOST:443", 200),
        ("http://localhost:3000", 403),
        ("http://localhost:443", 403),
        ("http://127.0.0.1", 403),
        ("https://evil.example", 403),
        ("http://localhost.evil.example", 403),
        ("http://localhost@evil.example", 403),
        ("null", 403),
        ("file://localhost", 403),
    ],
)
def test_a_page_of_another_site_may_not_ask(orchestrator: Served, origin: str, status: int) -> None:
    """A form of a page can POST text/plain to loopback without asking first."""
    sent = request(
        b'{"model_id": "a", "dry_run": true}', "Content-Type: text/plain", f"Origin: {origin}", path="/switch"
    )
    assert parts_of(send(orchestrator.port, sent))[0].startswith(b"%d" % status)


def test_requests_in_one_packet_are_answered_in_turn(orchestrator: Served) -> None:
    one = POST + LENGTH + b"\r\n" + BODY
    answer = send(orchestrator.port, one * 3 + GET + b"\r\n" + GET + b"Connection: close\r\n\r\n")
    assert answer.count(b"HTTP/1.1 200 OK") == 5
    assert answer.rindex(b"alive") > answer.rindex(b"chat.completion")


def test_who_expects_100_gets_it_before_the_body(orchestrator: Served) -> None:
    with socket.create_connection(("127.0.0.1", orchestrator.port), 20) as client:
        client.sendall(POST + LENGTH + b"Expect: 100-continue\r\nConnection: close\r\n\r\n")
        assert client.recv(65536) == b"HTTP/1.1 100 Continue\r\n\r\n"
        client.sendall(BODY)
        assert client.recv(65536).startswith(b"HTTP/1.1 200")


def test_a_large_body_is_not_held(orchestrator: Served) -> None:
    picture = "data:image/png;base64," + base64.b64encode(b"\x00" * 48 * 2**20).decode()
    for asked in ({"model": "a", "p": picture}, {"p": picture, "model": "a"}):
        body = json.dumps({**asked, "messages": [{"role": "user", "content": "hi"}]}).encode()
        assert len(body) > 64 * 10**6
        answer = parts_of(send(orchestrator.port, request(body, "Content-Type: application/json")))
        assert answer[0] == b"200 OK"
    status = Path(f"/proc/{orchestrator.process.pid}/status").read_text()
    [peak] = [int(line.split()[1]) for line in status.splitlines() if line.startswith("VmHWM")]
    assert peak < 200 * 1024  # with `model` last it has to be held once


def test_who_is_refused_while_it_sends_reads_why(orchestrator: Served) -> None:
    """Closing at once would reset the connection, and the answer with it."""
    body = json.dumps({"model": "nobody", "messages": [{"role": "user", "content": "x" * 30_000_000}]}).encode()
    for sent, status in (
        (request(body), b"404"),
        (request(body, path="/switch"), b"413"),
        (GET + b"X: " + body, b"431"),
    ):
        assert parts_of(send(orchestrator.port, sent))[0].startswith(status)


def test_a_client_that_goes_takes_its_request_along(orchestrator: Served) -> None:
    body = json.dumps(ASKED | {"stream": True}).encode()
    with socket.create_connection(("127.0.0.1", orchestrator.port), 20) as client:
        client.sendall(request(body))
        client.recv(100)
        [model] = [one for one in orchestrator.ask("/models")[1]["models"] if one["id"] == "a"]
        assert model["running"] == 1
    wait_for(lambda: all(one["running"] == 0 for one in orchestrator.ask("/models")[1]["models"]))


def test_a_form_is_routed_by_its_model(orchestrator: Served) -> None:
    parts = [("file", b'--x\r\nname="model"\r\n\r\nwrong\r\n'), ("model", b"outer"), ("language", b"en")]
    body = b"".join(
        b'--x-y\r\nContent-Disposition: form-data; name="%b"\r\n\r\n%b\r\n' % (name.encode(), value)
        for name, value in parts
    )
    body += b"--x-y--\r\n"
    for pieces in (1, 50):
        sent = request(body, 'Content-Type: multipart/form-data; boundary="x-y"', path="/echo")
        answer = parts_of(send(orchestrator.port, sent, pieces=pieces))
        assert answer[0] == b"200 OK"
        assert answer[2] == body.replace(b"outer", b"inner")


@pytest.mark.xdist_group("clients")  # one worker imports them
def test_the_official_clients_work(orchestrator: Served) -> None:
    import anthropic
    import openai

    picture = {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}}
    with openai.OpenAI(base_url=f"{orchestrator.url}/v1", api_key="none", max_retries=0) as client:
        done = client.chat.completions.create(model="a", messages=[{"role": "user", "content": "hello"}])
        assert done.choices[0].message.content == "hello"
        seen = client.chat.completions.create(
            model="a",
            messages=[{"role": "user", "content": [{"type": "text", "text": "look"}, picture]}],  # type: ignore[list-item, misc]
        )
        assert seen.choices[0].message.content == "look <image_url>"
        stream = client.chat.completions.create(model="a", messages=[{"role": "user", "content": "s"}], stream=True)
        assert "".join(chunk.choices[0].delta.content or "" for chunk in stream) == "sss"
        tool = {"type": "function", "function": {"name": "weather", "parameters": {}}}
        called = client.chat.completions.create(model="a", messages=[{"role": "user", "content": "t"}], tools=[tool])  # type: ignore[list-item]
        assert called.choices[0].message.tool_calls[0].function.name == "weather"  # type: ignore[index, union-attr]
        assert client.embeddings.create(model="a", input="x", encoding_format="float").data[0].embedding == [0.5, 0.25]
        assert {one.id for one in client.models.list()} == {"a", "outer", "org/outer"}
        with pytest.raises(openai.NotFoundError, match="there is no model `b`"):
            client.chat.completions.create(model="b", messages=[])
    with anthropic.Anthropic(base_url=orchestrator.url, api_key="none", max_retries=0) as other:
        with other.messages.stream(model="a", max_tokens=9, messages=[{"role": "user", "content": "m"}]) as events:
            assert "".join(events.text_stream) == "mmm"
        with pytest.raises(anthropic.NotFoundError, match="there is no model `b`"):
            other.messages.create(model="b", max_tokens=9, messages=[])


def test_a_streaming_client_sees_that_its_model_loads(tmp_path_factory: pytest.TempPathFactory) -> None:
    slow = engine("a", "--healthy-after", "10.5", "--say", "why", "--chunks", "1")
    folder = tmp_path_factory.mktemp("beats")
    with serving(folder, manifest(slow, loading_messages="off")) as served:
        (folder / "manifest.json").write_bytes(write_manifest(manifest(slow)))
        served.ask("/reload", {})
        asked = json.dumps(ASKED | {"stream": True}).encode()
        head, _, body = send(served.port, request(asked)).partition(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 200")
        assert body.startswith(b"18\r\n: the model is loading\n\n\r\n")
        assert body.endswith(b"data: [DONE]\n\n\r\n0\r\n\r\n")


KEY, OPERATOR = "key-of-a-client", "key-of-an-operator"


def test_keys_have_roles(tmp_path_factory: pytest.TempPathFactory) -> None:
    folder = tmp_path_factory.mktemp("keys")
    lines = [
        f"{role} sha256:{hashlib.sha256(key.encode()).hexdigest()}"
        for role, key in (("user", KEY), ("admin", OPERATOR))
    ]
    (folder / "keys").write_text("# who may come in\n" + "\n".join(lines) + "\n")
    with serving(folder, manifest(engine("a"), keys_file="keys")) as served:
        for key, chat, switch in ((None, 401, 401), ("wrong", 401, 401), (KEY, 200, 403), (OPERATOR, 200, 200)):
            headers = {} if key is None else {"authorization": f"Bearer {key}"}
            body = {"model": "a", "messages": [{"role": "user", "content": "x"}]}
            assert served.ask(PATH, body, **headers)[0] == chat
            assert served.ask("/switch", {"model_id": "a"}, **headers)[0] == switch
            other = {} if key is None else {"x_api_key": key}
            assert served.ask("/v1/models", **other)[0] == chat
        assert served.ask("/healthz")[0] == 200
        # A key that was taken out of the file is one no more.
        (folder / "keys").write_text(lines[1] + "\n")
        assert served.ask("/reload", {}, authorization=f"Bearer {OPERATOR}")[0] == 200
        assert served.ask("/v1/models", authorization=f"Bearer {KEY}")[0] == 401
        (folder / "keys").write_text("nothing")
        status, problem = served.ask("/reload", {}, authorization=f"Bearer {OPERATOR}")
        assert (status, "line 1 of" in problem["detail"]) == (400, True)
        # The key is this server's: the engine has not seen it.
        lent = urllib.request.Request(f"{served.url}/echo", b'{"model": "a"}')
        lent.add_header("Authorization", f"Bearer {OPERATOR}")
        with urllib.request.urlopen(lent, timeout=20) as answer:
            assert answer.headers["X-Authorization"] == "none"
    for text in ("", "user sha256:12", "root sha256:" + "0" * 64, "user " + "0" * 64):
        (folder / "keys").write_text(text)
        process, _ = spawn(folder, manifest(engine("a"), keys_file="keys"))
        with process:
            assert process.wait(20) == 1
    for old, new in (("data", "user"), ("control", "admin")):
        (folder / "keys").write_text(f"# clients\n{old} sha256:{'0' * 64}\n")
        with pytest.raises(KeysError, match=f"line 2 of .*: the role `{old}` was renamed; write `{new}`"):
            read_keys(folder / "keys")
    log = (folder / "orchestrator.log").read_text()
    assert "contains no key" in log
    assert "line 1 of" in log
    assert KEY not in log


@settings(max_examples=150, deadline=None)
@given(
    st.lists(
        st.sampled_from([POST, GET, LENGTH, BODY, b"\r\n", b"\n", b"Transfer-Encoding: chunked\r\n", b"5\r\nhello\r\n"])
        | st.binary(max_size=30),
        max_size=8,
    )
)
def test_no_bytes_bring_it_down(orchestrator: Served, pieces: list[bytes]) -> None:
    """Whatever is sent, what comes back is nothing or begins like an answer, and the next client is served."""
    with socket.create_connection(("127.0.0.1", orchestrator.port), 20) as client:
        client.sendall(b"".join(pieces))
        client.shutdown(socket.SHUT_WR)
        answer = b""
        try:
            while more := client.recv(65536):
                answer += more
        except ConnectionResetError:
            pass
    assert answer == b"" or answer.startswith(b"HTTP/1.1 ")
    assert orchestrator.ask("/healthz")[0] == 200
    assert orchestrator.process.poll() is None
