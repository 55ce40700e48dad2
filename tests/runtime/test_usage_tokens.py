"""The tokens that an answer reports are read from its end, however it is cut into chunks, or are unknown."""

from __future__ import annotations

import gzip
import json
from typing import Any

import pytest

from modelgen_runtime.usage.record import UNKNOWN, Tokens
from modelgen_runtime.usage.tokens import Tail

CHAT, MESSAGES, RESPONSES = "/v1/chat/completions", "/v1/messages", "/v1/responses"
USAGE = {"prompt_tokens": 9, "total_tokens": 21, "completion_tokens": 12, "prompt_tokens_details": {"cached_tokens": 4}}
COUNTED = Tokens(9, 4, 12)
TRAP = '"usage":{"prompt_tokens":1,"completion_tokens":1}}\n\ndata: {"usage":{"prompt_tokens":2}}'


def events(*objects: Any, named: bool = False, spaces: bool = False) -> bytes:  # noqa: ANN401 - JSON
    text = [json.dumps(one, separators=None if spaces else (",", ":")) for one in objects]
    names = [f"event: {one['type']}\n" if named else "" for one in objects]
    return "".join(f"{name}data: {one}\n\n" for name, one in zip(names, text, strict=True)).encode()


def chunk(**more: Any) -> dict[str, Any]:  # noqa: ANN401 - JSON
    return {"id": "c", "object": "chat.completion.chunk", "choices": [], **more}


DONE = b"data: [DONE]\n\n"
SAID = {"choices": [{"index": 0, "delta": {"content": TRAP}, "logprobs": [{"token": "usage"}]}]}
STREAM = events(chunk(**SAID), chunk(usage=USAGE)) + DONE
WHOLE = json.dumps({"id": "c", **SAID, "usage": USAGE, "prompt_logprobs": None, "kv": {"a": [1]}}).encode()
STARTED = {
    "type": "message_start",
    "message": {"id": "m", "content": [], "usage": {"input_tokens": 7, "output_tokens": 0}},
}
DELTA = {"type": "message_delta", "delta": {"stop_reason": "end_turn"}, "usage": {"output_tokens": 5}}
ANTHROPIC = events(
    STARTED, {"type": "content_block_delta", "delta": {"text": TRAP}}, DELTA, {"type": "message_stop"}, named=True
)
ALL_AT_END = {**DELTA, "usage": {"input_tokens": 3, "cache_read_input_tokens": 4, "output_tokens": 5}}
LATER = events(STARTED, ALL_AT_END, {"type": "message_stop"}, named=True)
MESSAGE = {
    "content": [{"type": "tool_use", "input": {"usage": {"input_tokens": 1}}}],
    "usage": {"input_tokens": 7, "output_tokens": 5},
}
RESPONDED = {
    "id": "r",
    "output": [{"text": TRAP}],
    "tools": [{"usage": {"input_tokens": 1}}],
    "metadata": {"usage": "x"},
}
SPENT = {"input_tokens": 9, "input_tokens_details": {"cached_tokens": 4}, "output_tokens": 12}
COMPLETED = {
    "type": "response.completed",
    "response": {**RESPONDED, "usage": SPENT, "user": None},
    "sequence_number": 3,
}

CASES = {
    "chat": (CHAT, WHOLE, COUNTED),
    "chat, streamed": (CHAT, STREAM, COUNTED),
    "chat, streamed with spaces": (CHAT, events(chunk(**SAID), chunk(usage=USAGE), spaces=True) + DONE, COUNTED),
    "counts in every chunk": (CHAT, events(chunk(usage={"prompt_tokens": 9}), chunk(usage=USAGE)) + DONE, COUNTED),
    "null at the end": (CHAT, events(chunk(usage=USAGE), chunk(usage=None)) + DONE, UNKNOWN),
    "not asked for": (CHAT, events(chunk(**SAID)) + DONE, UNKNOWN),
    "of a model's text": (CHAT, json.dumps({"choices": [{"usage": USAGE}]}).encode(), UNKNOWN),
    "far from the end": (CHAT, json.dumps({"usage": USAGE, "choices": ["x" * 9000]}).encode(), UNKNOWN),
    "cut": (CHAT, WHOLE[:-1], UNKNOWN),
    "no JSON": (CHAT, gzip.compress(WHOLE), UNKNOWN),
    "other types": (CHAT, b'{"usage":{"prompt_tokens":true,"completion_tokens":-1}}', Tokens()),
    "embeddings": ("/v1/embeddings", b'{"data":[1],"usage":{"prompt_tokens":8,"total_tokens":8}}', Tokens(8, None, 0)),
    "rerank": ("/v1/rerank", b'{"results":[],"usage":{"total_tokens":8}}', Tokens(8, None, 0)),
    "messages": (MESSAGES, json.dumps(MESSAGE).encode(), Tokens(7, None, 5)),
    "messages, a tool's input alone": (MESSAGES, json.dumps({"content": MESSAGE["content"]}).encode(), UNKNOWN),
    "messages, streamed": (MESSAGES, ANTHROPIC, Tokens(7, None, 5)),
    "messages, streamed, all at the end": (MESSAGES, LATER, Tokens(7, 4, 5)),
    "responses": (RESPONSES, json.dumps({**RESPONDED, "usage": SPENT}).encode(), COUNTED),
    "responses, streamed": (RESPONSES, events(COMPLETED, named=True), COUNTED),
    "responses, metadata after": (
        RESPONSES,
        events({"type": "response.completed", "response": {"usage": SPENT, "metadata": {"usage": {}}}}, named=True),
        UNKNOWN,
    ),
}


@pytest.mark.parametrize(("route", "answer", "expected"), CASES.values(), ids=[*CASES])
def test_tokens(route: str, answer: bytes, expected: Tokens) -> None:
    is_stream = b"data: " in answer[:60]
    for size in (1, 2, 7, 100, 5000):
        tail = Tail(route, is_stream)
        for at in range(0, len(answer), size):
            tail.note(answer[at : at + size])
        assert tail.tokens() == expected, size


def test_little_is_kept() -> None:
    tail = Tail(MESSAGES, True)  # noqa: FBT003
    for _ in range(100):
        tail.note(b"x" * 100_000)
        assert sum(map(len, tail._parts)) + len(tail._head or b"") <= 64 * 1024  # noqa: SLF001 - its memory
