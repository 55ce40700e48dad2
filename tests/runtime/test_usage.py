"""Requests are noted with their keys, times and tokens, and keys see what is their own."""

from __future__ import annotations

import contextlib
import hashlib
import http.client
import json
import re
import signal
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from compiling import modelgen
from modelgen_runtime.manifest import Variant
from runtime_serving import Served, engine, manifest, serving, wait_for

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = pytest.mark.slow  # starts processes

KEYS = {
    "root": "admin {} name=root",
    "alice": "user {} name=alice models=a*,slow",
    "bob": "user {} name=bob models=b,nobody*",
}
CHAT = {"model": "a", "messages": [{"role": "user", "content": "hello"}]}


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    folder = tmp_path_factory.mktemp("usage")
    lines = [line.format(f"sha256:{hashlib.sha256(key.encode()).hexdigest()}") for key, line in KEYS.items()]
    (folder / "keys.txt").write_text("\n".join(lines))
    models = (
        replace(engine("a", gib=0), variants=(Variant("a:fast", {}, {"n": "1"}),)),
        engine("b", gib=0),
        engine("slow", "--pace", "0.05", "--chunks", "400", gib=0),
        engine("dying", "--exit-on-request", "2", gib=0),
        engine("broken", "--exit-at-start", "1", gib=0),
    )
    with serving(folder, manifest(*models, keys_file="keys.txt")) as one:
        yield one


def ask(
    served: Served, path: str, body: object = None, *, key: str = "root", method: str | None = None
) -> tuple[int, Any]:
    return served.ask(path, body, method=method, Authorization=f"Bearer {key}")


def last(served: Served) -> dict[str, Any]:
    """Return the last request that ended."""
    [record] = ask(served, "/requests?limit=1")[1]["ended"]
    return dict(record)


@contextlib.contextmanager
def stream(served: Served, model: str, key: str = "root") -> Iterator[http.client.HTTPResponse]:
    """Yield a streamed answer that has begun."""
    with contextlib.closing(http.client.HTTPConnection("127.0.0.1", served.port, timeout=60)) as connection:
        body = json.dumps({**CHAT, "model": model, "stream": True})
        connection.request("POST", "/v1/chat/completions", body, {"api-key": key})
        with connection.getresponse() as answer:
            assert answer.readline()
            yield answer


def test_a_request_is_noted(served: Served) -> None:
    assert ask(served, "/v1/chat/completions", {**CHAT, "model": "a:fast"}, key="alice")[0] == 200
    record = last(served)
    told = {name: record[name] for name in ("model", "variant", "route", "key", "state", "outcome", "status", "stream")}
    assert told == {
        "model": "a", "variant": "a:fast", "route": "/v1/chat/completions", "key": "alice", "state": "ended",
        "outcome": "done", "status": 200, "stream": False,
    }  # fmt: skip
    assert (record["prompt_tokens"], record["cached_tokens"], record["completion_tokens"]) == (1, None, 1)
    assert 0 < record["first_byte_seconds"] <= record["seconds"]
    assert ask(served, f"/requests/{record['id']}")[1] == record


@pytest.mark.parametrize("is_stream", [False, True])
@pytest.mark.parametrize("route", ["/v1/chat/completions", "/v1/completions", "/v1/embeddings", "/v1/messages"])
def test_tokens_by_route(served: Served, route: str, *, is_stream: bool) -> None:
    options = {"stream": True, "stream_options": {"include_usage": True}} if is_stream and "embed" not in route else {}
    assert ask(served, route, {**CHAT, **options})[0] == 200
    record = last(served)
    assert record["route"] == route
    assert record["stream"] is bool(options)
    assert (record["prompt_tokens"], record["completion_tokens"]) == (1, 0 if "embed" in route else 1)


def tokens(served: Served) -> tuple[int | None, int | None]:
    """Return the tokens that were counted for the last request."""
    wait_for(lambda: not ask(served, "/requests")[1]["running"])  # clients go on at `[DONE]`, before the answer's end
    record = last(served)
    assert (record["variant"], record["key"], record["outcome"]) == ("a:fast", "alice", "done")
    return record["prompt_tokens"], record["completion_tokens"]


def test_the_client_of_openai_is_counted(served: Served) -> None:
    import openai

    asked: dict[str, dict[str, Any]] = {"chat": {"messages": CHAT["messages"]}, "completions": {"prompt": "m"}}
    streams: tuple[dict[str, Any], ...] = (
        {},
        {"stream": True},
        {"stream": True, "stream_options": {"include_usage": True}},
    )
    with openai.OpenAI(base_url=f"{served.url}/v1", api_key="alice", max_retries=0) as client:
        create: dict[str, Any] = {"chat": client.chat.completions.create, "completions": client.completions.create}
        for route, body in asked.items():
            for options in streams:
                answer = create[route](model="a:fast", **body, **options)
                usage = [chunk.usage for chunk in answer][-1] if options else answer.usage
                expected = (None, None) if usage is None else (usage.prompt_tokens, usage.completion_tokens)
                assert (tokens(served), usage is None) == (expected, options == {"stream": True}), (route, options)
        embedded = client.embeddings.create(model="a:fast", input="m").usage
        assert tokens(served) == (embedded.prompt_tokens, 0)


def test_the_client_of_anthropic_is_counted(served: Served) -> None:
    import anthropic

    asked: dict[str, Any] = {"model": "a:fast", "max_tokens": 9, "messages": CHAT["messages"]}
    with anthropic.Anthropic(base_url=served.url, api_key="alice", max_retries=0) as client:
        spent = client.messages.create(**asked).usage
        assert tokens(served) == (spent.input_tokens, spent.output_tokens)
        with client.messages.stream(**asked) as events:
            spent = events.get_final_message().usage
        assert tokens(served) == (spent.input_tokens, spent.output_tokens)


def test_tokens_that_are_not_reported_are_unknown(served: Served) -> None:
    assert ask(served, "/v1/chat/completions", {**CHAT, "stream": True})[0] == 200
    assert (last(served)["prompt_tokens"], last(served)["tokens_per_second"]) == (None, None)


def test_how_requests_end(served: Served) -> None:
    assert ask(served, "/v1/chat/completions", {**CHAT, "model": "broken"})[0] == 503
    assert (last(served)["outcome"], last(served)["status"]) == ("refused", 503)
    assert ask(served, "/v1/chat/completions", {**CHAT, "model": "dying"})[0] == 200
    assert ask(served, "/v1/chat/completions", {**CHAT, "model": "dying"})[0] in (502, 503)
    assert last(served)["outcome"] == "engine_died"
    with stream(served, "slow"):
        pass
    wait_for(lambda: not ask(served, "/requests?model=slow&key=root")[1]["running"])
    assert ask(served, "/requests?model=slow&key=root")[1]["ended"][0]["outcome"] == "client_left"


def test_a_request_is_canceled(served: Served) -> None:
    with stream(served, "slow", "alice") as answer:
        [record] = ask(served, "/requests?model=slow")[1]["running"]
        assert (record["state"], record["outcome"], record["key"]) == ("running", None, "alice")
        path = f"/requests/{record['id']}"
        assert ask(served, path, key="bob", method="DELETE")[0] == 404
        assert ask(served, path, key="alice", method="DELETE")[1]["outcome"] == "canceled"
        assert b"request_canceled" in answer.read()
    assert ask(served, path, method="DELETE")[0] == 409
    for name in ("999999", "x", "9" * 20):
        assert ask(served, f"/requests/{name}", method="DELETE")[0] == 404


def test_a_key_sees_what_is_its_own(served: Served) -> None:
    assert ask(served, "/v1/chat/completions", CHAT, key="alice")[0] == 200
    assert ask(served, "/v1/chat/completions", {**CHAT, "model": "b"}, key="bob")[0] == 200
    for key in ("alice", "bob"):
        assert {one["key"] for one in ask(served, "/requests", key=key)[1]["ended"]} == {key}
        assert {one["key"] for one in ask(served, "/usage?by=key", key=key)[1]["rows"]} == {key}
        assert {*re.findall('key="([^"]*)"', ask(served, "/metrics", key=key)[1])} == {key}
    assert {"alice", "bob"} <= {one["key"] for one in ask(served, "/usage?by=key,model&days=1")[1]["rows"]}
    assert ask(served, "/usage?by=x")[0] == ask(served, "/usage?days=0")[0] == 400


def test_keys_may_be_limited_to_models(served: Served) -> None:
    status, answer = ask(served, "/v1/chat/completions", {**CHAT, "model": "b"}, key="alice")
    assert (status, answer["error"]["code"]) == (403, "model_not_allowed")
    assert "`alice`" in answer["error"]["message"]
    assert (
        ask(served, "/v1/chat/completions", {**CHAT, "model": "bx"}, key="alice")[1]["error"]["message"].count("`b`")
        == 0
    )
    assert {one["id"] for one in ask(served, "/v1/models", key="alice")[1]["data"]} == {"a", "a:fast", "slow"}
    assert ask(served, "/v1/models/b", key="alice")[0] == 404
    assert ask(served, "/readyz")[1]["warnings"] == [
        "line 3 of the keys file: `nobody*` matches no model, alias or variant"
    ]


def test_an_engine_shows_its_own_metrics(served: Served) -> None:
    assert ask(served, "/metrics/a", key="alice")[0] == 403
    assert ask(served, "/metrics/nobody")[0] == 404
    assert ask(served, "/metrics/broken")[0] == 409
    assert ask(served, "/v1/chat/completions", CHAT)[0] == 200
    assert ask(served, "/metrics/a")[0] == 502, "the fake engine has none"


def test_requests_as_they_come_and_go(served: Served) -> None:
    with contextlib.closing(http.client.HTTPConnection("127.0.0.1", served.port, timeout=60)) as connection:
        connection.request("GET", "/requests/live", headers={"api-key": "alice"})
        with connection.getresponse() as answer:
            assert answer.readline() == b": listening\n"
            ask(served, "/v1/chat/completions", {**CHAT, "model": "b"}, key="bob")
            ask(served, "/v1/chat/completions", CHAT, key="alice")
            seen: list[Any] = []
            while len(seen) < 2:
                if (line := answer.readline()).startswith(b"data: "):
                    seen.append(json.loads(line[6:]))
    assert [(one["key"], one["state"]) for one in seen] == [("alice", "waiting"), ("alice", "ended")]


def test_the_commands(served: Served, tmp_path: Path) -> None:
    assert ask(served, "/v1/chat/completions", {**CHAT, "model": "a:fast"}, key="alice")[0] == 200

    def run(*command: str, key: str = "root") -> list[list[str]]:
        done = modelgen(*command, "--url", served.url, cwd=tmp_path, env={"MODELGEN_KEY": key})
        assert done.returncode == 0, done.stderr
        return [line.split() for line in done.stdout.splitlines()]

    head, *rows = run("usage", "--by", "key", "--by", "model")
    assert head[:3] == ["KEY", "MODEL", "REQUESTS"]
    assert "alice" in {row[0] for row in rows}
    assert {row[0] for row in run("usage", "--by", "key", key="alice")[1:]} == {"alice"}
    assert run("requests", "-n", "1")[-1][1:5] == ["a:fast", "alice", "done", "200"]
    with stream(served, "slow") as answer:
        number = run("requests")[-1][0]
        assert run("requests", "--cancel", number) == [["canceled", "request", number]]
        answer.read()


def test_totals_survive_the_end_and_a_kill(tmp_path: Path) -> None:
    content = manifest(engine("a", gib=0))
    with serving(tmp_path, content) as served:
        assert served.chat("a")[0] == 200
    for _ in range(2):
        with serving(tmp_path, content) as served:
            [row] = served.ask("/usage")[1]["rows"]
            assert (row["model"], row["requests"], row["prompt_tokens"]) == ("a", 1, 1)
            served.process.send_signal(signal.SIGKILL)
            served.process.wait()


def test_a_client_that_leaves_at_the_last_event_is_counted(served: Served) -> None:
    body = json.dumps({**CHAT, "stream": True, "stream_options": {"include_usage": True}})
    with contextlib.closing(http.client.HTTPConnection("127.0.0.1", served.port, timeout=60)) as connection:
        connection.request("POST", "/v1/chat/completions", body, {"api-key": "root"})
        with connection.getresponse() as answer:
            while answer.readline() != b"data: [DONE]\n":
                pass
    wait_for(lambda: not ask(served, "/requests")[1]["running"])
    assert (last(served)["outcome"], last(served)["completion_tokens"]) == ("done", 1)
