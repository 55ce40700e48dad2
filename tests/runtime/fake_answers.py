"""What the fake engine says, in the shapes of OpenAI and of Anthropic."""

from __future__ import annotations

import json
from typing import Any


def text_of(asked: dict[str, Any]) -> str:
    """Return what the answer says."""
    messages = asked.get("messages")
    content = messages[-1]["content"] if messages else asked.get("prompt", "hello")
    if isinstance(content, list):
        return " ".join(part.get("text", f"<{part['type']}>") for part in content)
    return str(content)


def whole(path: str, asked: dict[str, Any]) -> dict[str, Any]:
    """Return an answer in one piece."""
    name, text = asked["model"], text_of(asked)
    usage = {"prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2}
    if path.endswith("embeddings"):
        return {
            "object": "list",
            "model": name,
            "data": [{"object": "embedding", "index": 0, "embedding": [0.5, 0.25]}],
            "usage": usage,
        }
    if path.endswith("rerank"):
        return {"model": name, "results": [{"index": 0, "relevance_score": 0.5}]}
    if path == "/v1/messages":
        return {
            "id": "m",
            "type": "message",
            "role": "assistant",
            "model": name,
            "content": [{"type": "text", "text": text}],
            "stop_reason": "end_turn",
            "usage": {"input_tokens": 1, "output_tokens": 1},
        }
    message: dict[str, Any] = {"role": "assistant", "content": text}
    if asked.get("tools"):
        call = {"name": asked["tools"][0]["function"]["name"], "arguments": "{}"}
        calls = [{"id": "t", "type": "function", "function": call}]
        message = {"role": "assistant", "content": None, "tool_calls": calls}
    choice = {"index": 0, "message": message, "text": text, "finish_reason": "stop"}
    kind = "chat.completion" if "chat" in path else "text_completion"
    return {"id": "c", "object": kind, "created": 0, "model": name, "choices": [choice], "usage": usage}


def parts(path: str, asked: dict[str, Any], count: int) -> list[bytes]:
    """Return the same as events."""
    name, text = asked["model"], text_of(asked)
    if path == "/v1/messages":
        start = {**whole(path, asked), "content": [], "stop_reason": None}
        events: list[dict[str, Any]] = [
            {"type": "message_start", "message": start},
            {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}},
            *(
                {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": text}}
                for _ in range(count)
            ),
            {"type": "content_block_stop", "index": 0},
            {"type": "message_delta", "delta": {"stop_reason": "end_turn"}, "usage": {"output_tokens": 1}},
            {"type": "message_stop"},
        ]
        return [f"event: {event['type']}\ndata: {json.dumps(event)}\n\n".encode() for event in events]
    base = {"id": "c", "object": "chat.completion.chunk", "created": 0, "model": name}
    deltas = [{"content": text}] * count
    chunks = [{**base, "choices": [{"index": 0, "delta": delta, "text": text}]} for delta in deltas]
    if (asked.get("stream_options") or {}).get("include_usage"):
        chunks.append({**base, "choices": [], "usage": whole(path, asked)["usage"]})
    written = (json.dumps(one, separators=(",", ":")) for one in chunks)
    return [*(f"data: {one}\n\n".encode() for one in written), b"data: [DONE]\n\n"]
