"""The last requests and their answers are kept in memory: bounded, without secrets, for admins."""

from __future__ import annotations

import hashlib
import http.client
import json
import tracemalloc
from contextlib import closing
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from compiling import modelgen
from modelgen.lower.security import orchestrator_memory
from modelgen_runtime.control_api.captured import show_capture
from modelgen_runtime.manifest import Variant
from modelgen_runtime.usage.captures import MOST_BODY, Captures, captures_of
from runtime_serving import Served, engine, manifest, serving, wait_for

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = pytest.mark.slow  # starts processes

CHAT = {"model": "a", "messages": [{"role": "user", "content": "hello"}]}
KEPT = 4


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    folder = tmp_path_factory.mktemp("capture")
    keys = {"root": "admin", "alice": "user"}
    lines = [f"{role} sha256:{hashlib.sha256(key.encode()).hexdigest()} name={key}" for key, role in keys.items()]
    (folder / "keys.txt").write_text("\n".join(lines))
    models = (
        replace(engine("a", gib=0), variants=(Variant("a:fast", {}, {"temperature": "1"}),)),
        engine("slow", "--pace", "0.05", "--chunks", "400", gib=0),
        engine("broken", "--exit-at-start", "1", gib=0),
    )
    with serving(folder, manifest(*models, keys_file="keys.txt", capture=KEPT)) as one:
        yield one


def ask(served: Served, path: str, body: object = None, *, key: str = "root", **headers: str) -> tuple[int, Any]:
    return served.ask(path, body, Authorization=f"Bearer {key}", **headers)


def last(served: Served) -> Any:  # noqa: ANN401 - JSON
    """Return what is kept of the last request that ended."""
    [record] = ask(served, "/requests?limit=1")[1]["ended"]
    status, capture = ask(served, f"/requests/{record['id']}/capture")
    assert (status, capture["id"]) == (200, record["id"])
    assert capture["answer"]["bytes"] == record["sent_bytes"]
    assert capture["request"]["bytes"] == record["received_bytes"]
    return capture


def test_a_request_and_its_answer(served: Served) -> None:
    sent = {**CHAT, "model": "a:fast"}
    status, answer = ask(served, "/v1/chat/completions", sent, Cookie="session=abc", x_api_key="root", x_app="demo")
    capture = last(served)
    assert status == 200
    assert json.loads(capture["request"]["body"]) == sent, "as the client sent it, before the variant edits it"
    assert json.loads(capture["answer"]["body"]) == answer
    assert not capture["request"]["cut"]
    headers = [line.lower() for line in capture["request"]["headers"]]
    assert {"authorization: •••", "x-api-key: •••", "cookie: •••", "x-app: demo"} <= {*headers}
    assert "content-type: application/json" in [line.lower() for line in capture["answer"]["headers"]]


def test_a_stream_and_a_body_in_many_parts(served: Served) -> None:
    body = json.dumps({**CHAT, "stream": True, "messages": [{"role": "user", "content": "x" * 300_000}]}).encode()
    parts = [body[at : at + 10_000] for at in range(0, len(body), 10_000)]
    with closing(http.client.HTTPConnection("127.0.0.1", served.port, timeout=60)) as connection:
        headers = {"Authorization": "Bearer root", "Content-Type": "application/json"}
        connection.request("POST", "/v1/chat/completions", iter(parts), headers)
        with connection.getresponse() as answer:
            seen = answer.read().decode()
    wait_for(lambda: not ask(served, "/requests")[1]["running"])
    capture = last(served)
    assert (capture["answer"]["body"], capture["answer"]["cut"]) == (seen[:MOST_BODY], True)
    assert capture["request"] | {"headers": []} == {
        "headers": [],
        "body": body[:MOST_BODY].decode(),
        "bytes": len(body),
        "cut": True,
    }


def test_an_answer_of_the_orchestrator(served: Served) -> None:
    status, answer = ask(served, "/v1/chat/completions", {**CHAT, "model": "broken"})
    assert (status, json.loads(last(served)["answer"]["body"])) == (503, answer)


def test_a_client_that_leaves(served: Served) -> None:
    with closing(http.client.HTTPConnection("127.0.0.1", served.port, timeout=60)) as connection:
        body = json.dumps({**CHAT, "model": "slow", "stream": True})
        connection.request("POST", "/v1/chat/completions", body, {"api-key": "root"})
        with connection.getresponse() as answer:
            first = answer.readline().decode()
        [record] = ask(served, "/requests")[1]["running"]
        assert ask(served, f"/requests/{record['id']}/capture")[1]["answer"]["body"].startswith(first)
    wait_for(lambda: not ask(served, "/requests")[1]["running"])
    assert last(served)["answer"]["body"].startswith(first)


def test_only_admins_read_the_last_ones(served: Served) -> None:
    for _ in range(KEPT + 1):
        assert ask(served, "/v1/chat/completions", CHAT, key="alice")[0] == 200
    newest, *_, oldest = (one["id"] for one in ask(served, f"/requests?limit={KEPT + 1}")[1]["ended"])
    assert ask(served, f"/requests/{newest}", key="alice")[0] == 200
    status, answer = ask(served, f"/requests/{newest}/capture", key="alice")
    assert (status, answer["error"]["code"]) == (403, "wrong_role")
    status, answer = ask(served, f"/requests/{oldest}/capture")
    assert (status, answer["error"]["code"]) == (404, "request_not_captured")
    assert "raise `capture`" in answer["error"]["message"]
    assert ask(served, "/requests/999999/capture")[0] == 404
    assert ask(served, "/status")[1]["capture"] == KEPT


def test_the_command(served: Served, tmp_path: Path) -> None:
    assert ask(served, "/v1/chat/completions", CHAT)[0] == 200
    number = last(served)["id"]
    command = ("requests", "--show", str(number), "--url", served.url)
    done = modelgen(*command, cwd=tmp_path, env={"MODELGEN_KEY": "root"})
    assert done.returncode == 0, done.stderr
    assert "> Authorization: •••\n" in done.stdout
    assert f"\n\n{json.dumps(CHAT)}\n\n< " in done.stdout


def test_a_reload_switches_it_on(tmp_path: Path) -> None:
    with serving(tmp_path, manifest(engine("a", gib=0))) as served:
        assert served.chat("a")[0] == 200
        status, answer = served.ask("/requests/1/capture")
        assert (status, answer["error"]["code"]) == (404, "request_not_captured")
        assert "write `capture = 100`" in answer["error"]["message"]
        manifest_file = tmp_path / "manifest.json"
        manifest_file.write_text(manifest_file.read_text().replace('"capture": 0', '"capture": 1'))
        assert served.ask("/reload", {})[0] == 200
        assert served.chat("a")[0] == 200
        assert served.ask("/requests/2/capture")[0] == 200


SECRETS = (
    '{"api_key": "topsecret value"}',
    '{"client_secret": "topsecret\\" value"}',
    '{"arguments": "{\\"password\\": \\"topsecret value\\"}"}',
    '{"Authorization": "Bearer topsecret"}',
    '{"text": "curl -H \'Authorization: Bearer topsecret\'"}',
    '{"text": "hf_topsecretabcdefghijklmnopqrst"}',
    '{"url": "https://me:topsecret@example.org/?api_key=topsecret"}',
)


@pytest.mark.parametrize("body", SECRETS)
@pytest.mark.parametrize("before", [0, MOST_BODY - 40])
def test_secrets_in_bodies_are_masked(body: str, before: int) -> None:
    capture = Captures(1).begin(1)
    capture.request.add(b" " * before + body.encode() + b" " * 2048)
    shown = show_capture(1, capture)["request"]["body"]
    assert "topsecret" not in shown
    assert "value" not in shown
    assert "•" in shown or before


def test_what_is_no_secret_is_shown() -> None:
    capture = Captures(1).begin(1)
    body = '{"max_tokens": 12, "messages": [{"content": "the token and the key"}], "logprobs": [{"token": " key"}]}\n'
    capture.request.add(body.encode())
    capture.answer.add(b"\x1b[31m\xff\x00")
    shown = show_capture(1, capture)
    assert (shown["request"]["body"], shown["answer"]["body"]) == (body, "[31m\ufffd")


def test_memory_is_bounded() -> None:
    """By what the compiler adds to the limit of the container."""
    most, part = 40, b"x" * 100_000
    captures = captures_of(most)
    assert captures is not None
    tracemalloc.start()
    try:
        running = captures.begin(0)
        for number in range(1, 10 * most):
            capture = captures.begin(number)
            capture.request.note_head([(b"x-long", b"y" * 1000)] * 64)
            capture.answer.note_head([(b"x-long", b"y" * 1000)] * 64)
            for _ in range(20):
                capture.request.add(part[:9000])
                capture.answer.add(part)
                running.answer.add(part)
        held, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert captures.find(0) is None
    assert captures.find(10 * most - 1) is not None
    assert held <= orchestrator_memory(0, most) - orchestrator_memory(0, 0)
    assert captures_of(0) is None
