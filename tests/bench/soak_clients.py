"""Fifty well-behaved clients: `soak_clients.py PORT MONOTONIC_END RESULTS`; a line of JSON for each request.

Times are those of the monotonic clock, which all processes of a machine share.
"""

from __future__ import annotations

import asyncio
import json
import random
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from soak_http import Answer, BrokenError, Line

if TYPE_CHECKING:
    from collections.abc import Callable

CLIENTS, MOST_REQUESTS = 50, 20_000
MODELS = ("big0", "big1", "big2", "dying", "quitting", "flood", "small", "sleepy", "extra")
CODES = {
    *("queue_full", "buffers_full", "too_many_connections", "shutting_down"),
    *("model_absent", "model_failed", "model_held", "model_stopped", "model_not_found", "superseded"),
    *("engine_stopped", "engine_stuck", "engine_broken"),
    *("overloaded_error", "api_error", "not_found_error", "invalid_request_error"),
}
"""Reasons that a client may be given here; the last ones are how Anthropic's clients read them."""


def post(path: str, body: dict[str, Any], *, keep: bool) -> bytes:
    """Return a POST as bytes."""
    data = json.dumps(body).encode()
    lines = [f"POST {path} HTTP/1.1", "Host: localhost", "Content-Type: application/json"]
    lines += [f"Content-Length: {len(data)}", *(() if keep else ("Connection: close",)), "", ""]
    return "\r\n".join(lines).encode() + data


def chat(chance: random.Random, *, keep: bool) -> bytes:
    text = "x" * chance.choice((10, 1_000, 100_000))
    asked = {"messages": [{"role": "user", "content": text}], "model": chance.choice(MODELS)}
    return post("/v1/chat/completions", asked, keep=keep)


def stream(chance: random.Random, *, keep: bool) -> bytes:
    asked = {"model": chance.choice(MODELS), "stream": True, "messages": [{"role": "user", "content": "hello"}]}
    return post("/v1/chat/completions", asked, keep=keep)


def messages(chance: random.Random, *, keep: bool) -> bytes:
    asked = {"model": chance.choice(MODELS), "stream": True, "messages": [{"role": "user", "content": "hello"}]}
    return post("/v1/messages", asked, keep=keep)


def embeddings(chance: random.Random, *, keep: bool) -> bytes:
    return post("/v1/embeddings", {"input": "hello" * chance.randint(1, 1000), "model": "small"}, keep=keep)


def health(_: random.Random, *, keep: bool) -> bytes:
    close = "" if keep else "Connection: close\r\n"
    return f"GET /healthz HTTP/1.1\r\nHost: localhost\r\n{close}\r\n".encode()


KINDS: dict[str, Callable[..., bytes]] = {
    one.__name__: one for one in (chat, stream, messages, embeddings, health)
}  # fmt: skip


def judge(kind: str, answer: Answer) -> str:
    """Return how a request ended; what begins with `bad` must not be.

    An answer is whole, or says in its own shape why there is none.
    """
    if answer.status != 200:
        try:
            error = answer.json()["error"]
        except (ValueError, KeyError, TypeError):
            return f"bad: {answer.status} {answer.body[:200]!r}"
        code = error.get("code") or error["type"]
        return f"{answer.status} {code}" if code in CODES and error["message"] else f"bad: {answer.status} {error}"
    if kind in ("stream", "messages"):
        return judge_stream(answer.body)
    try:
        shown = answer.json()
    except ValueError:
        return f"bad: no JSON, {answer.body[:200]!r}"
    return "200" if {"choices", "data", "content", "status"} & shown.keys() else f"bad: {shown}"


def judge_stream(body: bytes) -> str:
    """Return how a stream ended: with its last event, or with an error."""
    if not body.endswith(b"\n\n"):
        return f"bad: a stream that ends with {body[-200:]!r}"
    last = body.rstrip(b"\n").rpartition(b"\n")[2].removeprefix(b"data: ")
    if last in (b"[DONE]", b'{"type": "message_stop"}'):
        return "200 stream"
    try:
        error = json.loads(last)["error"]
        code = error.get("code") or error["type"]
    except (ValueError, KeyError, TypeError):
        return f"bad: a stream that ends with {body[-200:]!r}"
    return f"stream, then {code}" if code in CODES and error["message"] else f"bad: stream, then {error}"


async def client(number: int, port: int, end: float, note: Callable[..., None]) -> None:
    """Ask one thing after the other."""
    chance, line = random.Random(number), Line(port)
    for _ in range(MOST_REQUESTS):
        if time.monotonic() > end:
            break
        kind, keep = chance.choice([*KINDS]), number % 2 == 0
        began = time.monotonic()
        try:
            outcome = judge(kind, await line.ask(KINDS[kind](chance, keep=keep), keep=keep))
        except (BrokenError, OSError) as error:
            outcome = f"bad: {type(error).__name__}: {str(error) or 'no answer in time'}"
            line.close()
        note(kind=kind, outcome=outcome, began=began, ended=time.monotonic())
        await asyncio.sleep(chance.random() * (0.2 if outcome.startswith("200") else 2.0))
    line.close()


async def ask_all(port: int, end: float, note: Callable[..., None]) -> None:
    await asyncio.gather(*(client(number, port, end, note) for number in range(CLIENTS)))


def main() -> None:
    with Path(sys.argv[3]).open("w") as results:

        def note(**what: str | float) -> None:
            results.write(json.dumps(what) + "\n")

        asyncio.run(ask_all(int(sys.argv[1]), float(sys.argv[2]), note))


if __name__ == "__main__":
    main()
