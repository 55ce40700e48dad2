"""Read the tokens that an engine reports at the end of its answer, from the answer's last bytes.

A report counts only if the rest of the answer proves that it is the object's own: text that a model wrote is inside
strings, whose quotes are escaped, and a deeper `usage`, as of a tool's input, does not end where the answer ends. A
report that is not found, or is cut, leaves the tokens unknown.

Sources: vLLM 0.8.5 to 0.33.0 (entrypoints/openai/protocol.py, entrypoints/anthropic/serving.py), SGLang 0.5
(entrypoints/openai/protocol.py), llama.cpp b6000 and later (tools/server/server-task.cpp), TEI 1.8 (router/src/http),
and the API references of OpenAI and Anthropic.
"""

from __future__ import annotations

import json
from typing import Any

from modelgen_runtime.usage.record import UNKNOWN, Tokens

_MOST_TAIL, _MOST_HEAD, _MOST_PARTS = 4096, 2048, 16
"""Bytes that are kept, and parts of an answer before they are joined: joining each would copy the tail each time."""
_READ = json.JSONDecoder().raw_decode
_MESSAGES = "/v1/messages"
_RESPONSES = "/v1/responses"
_INPUT_ONLY = ("/v1/embeddings", "/rerank", "/v1/rerank", "/v2/rerank", "/score", "/v1/score", "/pooling", "/classify")
REPORTING = frozenset({"/v1/chat/completions", "/v1/completions", _MESSAGES, _RESPONSES, *_INPUT_ONLY})
"""Routes whose answers report tokens."""


class Tail:
    """The last bytes of an answer, and the first ones of a stream of Anthropic's API, which begins with the prompt's.

    Args:
        route: Path of the request.
        is_stream: Whether the answer is a stream of events.
    """

    __slots__ = ("_head", "_is_stream", "_parts", "_route")

    def __init__(self, route: str, is_stream: bool) -> None:  # noqa: FBT001 - on the path of every request
        self._route, self._is_stream = route, is_stream
        self._parts: list[bytes] = []
        self._head: bytes | None = b"" if is_stream and route == _MESSAGES else None

    def note(self, data: bytes) -> None:
        """Note a part of the answer."""
        parts = self._parts
        parts.append(data[-_MOST_TAIL:])
        if len(parts) == _MOST_PARTS:
            parts[:] = [b"".join(parts)[-_MOST_TAIL:]]
        if self._head is not None and len(self._head) < _MOST_HEAD:
            self._head += data[:_MOST_HEAD]

    def tokens(self) -> Tokens:
        """Return the tokens that the complete answer reports."""
        tail = b"".join(self._parts)
        if b'"usage"' not in tail:
            return UNKNOWN
        if self._route == _MESSAGES:
            return _of_messages(self._head, tail)
        if self._route == _RESPONSES and self._is_stream:
            return _counted(_reported(tail, '{"":{', ends_at_line=True))
        usage = _reported(tail, "{", ends_at_line=self._is_stream)
        return _counted(usage) if self._route not in _INPUT_ONLY else _of_input(usage)


def _reported(text: bytes, before: str, *, ends_at_line: bool) -> dict[str, Any]:
    """Return the last `usage` of a text, which has to end with the object that it is in; empty if there is none.

    Args:
        text: The end of an answer, or the start of a stream.
        before: The start of an object to put before it, with the brackets that are open there.
        ends_at_line: Whether the object ends at the end of its line.
    """
    at = text.rfind(b'"usage"')
    if at < 0:
        return {}
    end = text.find(b"\n", at) if ends_at_line else len(text)
    if end < 0:
        return {}
    try:
        source = before + text[at:end].decode()
        read, stop = _READ(source)
    except (ValueError, RecursionError):
        return {}
    if stop < len(source) and not source[stop:].isspace():
        return {}
    inner = read.get("", read)
    usage = inner.get("usage") if isinstance(inner, dict) else None
    return usage if isinstance(usage, dict) else {}


def _of_messages(head: bytes | None, tail: bytes) -> Tokens:
    """Return the tokens of Anthropic's API, in whose streams the first event may have those of the prompt."""
    if head is None:
        return _counted(_reported(tail, "{", ends_at_line=False))
    last = _reported(tail, "{", ends_at_line=True)
    if last and not last.get("input_tokens"):
        first = _reported(head.partition(b"\n\n")[0] + b"\n", '{"":{', ends_at_line=True)
        last = {**first, **{name: value for name, value in last.items() if value or name == "output_tokens"}}
    return _counted(last)


def _counted(usage: dict[str, Any]) -> Tokens:
    """Return the tokens of a report in the words of either API. A prompt without tokens is one that was not counted."""
    if not usage:
        return UNKNOWN
    if "input_tokens" in usage or "output_tokens" in usage:
        details = usage.get("input_tokens_details")
        read, made = _number(usage, "cache_read_input_tokens"), _number(usage, "cache_creation_input_tokens")
        prompt = (_number(usage, "input_tokens") or 0) + (read or 0) + (made or 0)
        cached = read if read is not None or details is None else _number(details, "cached_tokens")
        return Tokens(prompt or None, cached, _number(usage, "output_tokens"))
    details = usage.get("prompt_tokens_details")
    cached = None if details is None else _number(details, "cached_tokens")
    return Tokens(_number(usage, "prompt_tokens") or None, cached, _number(usage, "completion_tokens"))


def _of_input(usage: dict[str, Any]) -> Tokens:
    """Return the tokens of a report about a request whose answer has none; some have only `total_tokens`."""
    if not usage:
        return UNKNOWN
    prompt, cached, _ = _counted(usage)
    return Tokens(prompt or _number(usage, "total_tokens") or None, cached, 0)


def _number(table: Any, name: str) -> int | None:  # noqa: ANN401 - whatever the engine wrote
    value = table.get(name) if isinstance(table, dict) else None
    return value if type(value) is int and value >= 0 else None
