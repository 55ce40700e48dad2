"""Write to streaming clients while their model loads, so that they and proxies keep the connection open."""

from __future__ import annotations

import json
import time

_COMMENT = b": the model is loading\n\n"
_CHAT = "/v1/chat/completions"


def loading_message(kind: str, path: str, model: str, seconds: float) -> bytes:
    """Return a comment, or an event of a chat whose reasoning says how long its model has been loading.

    Only chats of OpenAI's API have an event that may precede those of the engine. `reasoning_content` is the field in
    which llama.cpp, vLLM before 0.12 and llama-swap (`sendLoadingState`) stream reasoning.
    """
    if kind != "reasoning" or path != _CHAT:
        return _COMMENT
    delta = {"role": "assistant", "reasoning_content": f"{model} is loading ({seconds:.0f} s)\n"}
    event = {
        "id": "loading",
        "object": "chat.completion.chunk",
        "created": int(time.time()),
        "model": model,
        "choices": [{"index": 0, "delta": delta, "finish_reason": None}],
    }
    return b"data: %b\n\n" % json.dumps(event, ensure_ascii=False).encode()
