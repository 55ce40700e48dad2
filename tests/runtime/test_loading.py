"""The messages that streaming clients get while their model loads."""

from __future__ import annotations

import json

import pytest

from modelgen_runtime.gateway.loading import loading_message


def test_a_chat_shows_it_in_its_reasoning() -> None:
    event = loading_message("reasoning", "/v1/chat/completions", "a", 10.2)
    assert event.endswith(b"\n\n")
    chunk = json.loads(event.removeprefix(b"data: "))
    assert chunk["choices"][0]["delta"]["reasoning_content"] == "a is loading (10 s)\n"
    assert chunk["choices"][0]["finish_reason"] is None


@pytest.mark.parametrize(
    ("kind", "path"),
    [("comments", "/v1/chat/completions"), ("reasoning", "/v1/messages"), ("reasoning", "/v1/responses")],
)
def test_other_streams_get_a_comment(kind: str, path: str) -> None:
    assert loading_message(kind, path, "a", 10.0) == b": the model is loading\n\n"
