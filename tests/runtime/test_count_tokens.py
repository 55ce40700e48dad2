"""Streams are asked for their tokens, and the event with them is removed: nothing else of the stream changes."""

from __future__ import annotations

import http.client
import json
from contextlib import closing
from dataclasses import replace
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelgen_runtime.gateway.counting import UsageRemoval, ask_for_usage
from modelgen_runtime.manifest import Variant
from runtime_serving import Served, engine, manifest, serving

if TYPE_CHECKING:
    from collections.abc import Iterator

PATH = "/v1/chat/completions"
ASKED = {"stream_options": {"include_usage": True}}
USAGE = {"prompt_tokens": 9, "total_tokens": 21, "completion_tokens": 12}


def event(read: object) -> bytes:
    return f"data: {json.dumps(read, separators=(',', ':'))}\n\n".encode()


def chunk(**more: Any) -> bytes:  # noqa: ANN401 - JSON
    return event({"id": "c", "object": "chat.completion.chunk", "choices": [], **more})


ADDED = chunk(usage=USAGE)
OTHERS = (
    chunk(choices=[{"index": 0, "delta": {"content": ' the "choices":[] "usage":{}\n\ndata: {'}}]),
    chunk(choices=[{"index": 0, "delta": {"content": ADDED.decode()}}], usage=None),
    chunk(choices=[{"index": 0, "delta": {"content": "x" * 5000}}]),
    chunk(),
    chunk(usage=None),
    event({"error": {"message": "gone", "choices": []}}),
    b": a comment\n\n",
    b'data: {"choices":[],"usage":{\n\n',
)


def parts(stream: bytes, cuts: list[int]) -> Iterator[bytes]:
    places = [0, *sorted(cut % (len(stream) + 1) for cut in cuts), len(stream)]
    yield from (stream[start:stop] for start, stop in pairwise(places))


@given(
    st.lists(st.sampled_from(OTHERS), max_size=6),
    st.lists(st.sampled_from(OTHERS), max_size=2),
    st.lists(st.integers(0, 20_000), max_size=12),
    st.binary(max_size=20),
)
def test_only_the_added_event_is_removed(before: list[bytes], after: list[bytes], cuts: list[int], rest: bytes) -> None:
    first = b"".join(before)
    last = b"".join(after) + b"data: [DONE]\n\n" + rest
    removal = UsageRemoval()
    passed = b"".join([*(removal.feed(part) for part in parts(first + ADDED + last, cuts)), removal.end()])
    assert passed == first + last


@pytest.mark.parametrize("size", [1, 2, 3, 7])
def test_every_chunking(size: int) -> None:
    stream = b"".join([*OTHERS, ADDED, b"data: [DONE]\n\n"])
    removal = UsageRemoval()
    passed = [removal.feed(stream[at : at + size]) for at in range(0, len(stream), size)]
    assert b"".join([*passed, removal.end()]) == b"".join([*OTHERS, b"data: [DONE]\n\n"])


def test_events_are_not_held_back() -> None:
    removal = UsageRemoval()
    for one in OTHERS[:3]:
        assert removal.feed(one) == one
    assert removal.feed(b"data: " + b"x" * 5000) != b""


@pytest.mark.parametrize(
    "body",
    [
        '{"model":"a"}',
        '{"stream":false}',
        '{"stream":true,"stream_options":null}',
        '{"stream":true,"stream_options":{"include_usage":false}}',
        '["stream"]',
        '{"stream":true',
        '{"stream":true,"x":"' + "y" * 70_000 + '"}',
    ],
)
def test_bodies_that_stay_as_they_are(body: str) -> None:
    data = bytearray(body.encode())
    assert ask_for_usage(data) == 0
    assert data == body.encode()


def test_a_stream_is_asked() -> None:
    body = ' {"stream": true, "model": "a", "messages": []}'
    data = bytearray(body.encode())
    grown = ask_for_usage(data)
    assert len(data) == len(body) + grown
    assert json.loads(data) == {**json.loads(body), **ASKED}


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    variants = (Variant("a:own", {"stream_options": '{"include_usage":false}'}, {}), Variant("a:set", {}, {"n": "1"}))
    models = (
        replace(engine("a", gib=0), asks_usage=True, variants=variants),
        engine("plain", "--name", "plain", gib=0),
    )
    with serving(tmp_path_factory.mktemp("counted"), manifest(*models)) as one:
        yield one


def stream(served: Served, model: str, path: str = PATH, **more: Any) -> tuple[bytes, dict[str, Any]]:  # noqa: ANN401
    """Return the answer's body, and what was noted of the request."""
    body = {"model": model, "messages": [{"role": "user", "content": "hello"}], "stream": True, **more}
    with closing(http.client.HTTPConnection("127.0.0.1", served.port, timeout=60)) as connection:
        connection.request("POST", path, json.dumps(body))
        with connection.getresponse() as answer:
            content = answer.read()
    [record] = served.ask("/requests?limit=1")[1]["ended"]
    return content, record


@pytest.mark.slow  # starts processes
@pytest.mark.parametrize("path", [PATH, "/v1/completions"])
def test_the_client_gets_the_same_stream(served: Served, path: str) -> None:
    counted, record = stream(served, "a", path)
    plain, unknown = stream(served, "plain", path)
    assert counted == plain.replace(b'"model":"plain"', b'"model":"a"')
    assert b"usage" not in counted
    assert (record["prompt_tokens"], record["completion_tokens"]) == (1, 1)
    assert (unknown["prompt_tokens"], unknown["completion_tokens"]) == (None, None)
    assert record["sent_bytes"] == len(counted)


@pytest.mark.slow
def test_a_client_that_asks_keeps_what_it_asked_for(served: Served) -> None:
    content, record = stream(served, "a", PATH, **ASKED)
    assert b'"choices":[],"usage":{' in content
    assert record["completion_tokens"] == 1
    content, record = stream(served, "a", stream_options={"include_usage": False})
    assert (b"usage" in content, record["completion_tokens"]) == (False, None)


@pytest.mark.slow
def test_variants(served: Served) -> None:
    content, record = stream(served, "a:set")
    assert (b"usage" in content, record["completion_tokens"]) == (False, 1)
    content, record = stream(served, "a:own")
    assert (b"usage" in content, record["completion_tokens"]) == (False, None)
