"""A program that behaves like an inference engine, well or badly: `python fake_engine.py --port N --name NAME …`.

It needs nothing but the standard library, and is up in a few milliseconds: `python -S -E`.

--listen-after S, --healthy-after S     seconds until it listens, and until /health says 200 (503 before)
--lists NAME                            what /v1/models lists, where it is not --name
--exit-at-start CODE, --say TEXT        prints TEXT (on stderr) and ends
--exit-after N, --exit-code CODE        ends in the middle of the N-th request, with CODE (1)
--hang-after N                          answers N requests and then none
--ignore-term                           goes on at SIGTERM
--child                                 has a child that ignores SIGTERM
--pace S, --chunks N                    seconds between the chunks of a stream, and how many there are

POST /v1/chat/completions, /v1/completions, /v1/embeddings and /v1/messages answer in their shapes, streamed when asked;
the text is the last message's. POST /echo gives the body back. POST /sleep is a development route.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


class Handler(BaseHTTPRequestHandler):
    """One connection."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    options: argparse.Namespace
    began: float
    served = 0
    lock = threading.Lock()

    def do_GET(self) -> None:
        """Answer health and the list of models."""
        if self.path == "/health":
            is_up = time.monotonic() - self.began >= self.options.healthy_after
            self.reply(200 if is_up else 503, {"status": "ok" if is_up else "loading"})
        elif self.path == "/v1/models":
            self.reply(200, {"object": "list", "data": [{"id": self.options.lists or self.options.name}]})
        else:
            self.reply(404, {"error": "no such path"})

    def do_POST(self) -> None:
        """Answer a request for tokens."""
        body = self.read_body()
        with self.lock:
            Handler.served += 1
            count = Handler.served
        if self.options.hang_after is not None and count > self.options.hang_after:
            time.sleep(3600)
        is_last = self.options.exit_after is not None and count >= self.options.exit_after
        if self.path == "/echo":
            self.send(200, body, self.headers.get("Content-Type", "text/plain"))
            return
        asked = json.loads(body) if "json" in self.headers.get("Content-Type", "json") else {"model": self.options.name}
        if asked.get("model") != self.options.name:
            self.reply(404, {"error": {"message": f"no model {asked.get('model')}", "code": "model_not_found"}})
        elif asked.get("stream"):
            self.stream(asked, is_last=is_last)
        else:
            if is_last:
                self.die()
            self.reply(200, whole(self.path, asked))

    def read_body(self) -> bytes:
        """Return the body, in one piece or in chunks."""
        if self.headers.get("Transfer-Encoding", "").lower() != "chunked":
            return self.rfile.read(int(self.headers.get("Content-Length", 0)))
        body = b""
        while size := int(self.rfile.readline(), 16):
            body += self.rfile.read(size)
            self.rfile.readline()
        self.rfile.readline()
        return body

    def stream(self, asked: dict[str, Any], *, is_last: bool) -> None:
        """Send Server-Sent Events in chunks."""
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        events = parts(self.path, asked, self.options.chunks)
        for number, event in enumerate(events):
            if is_last and number == len(events) // 2:
                self.die()
            self.wfile.write(b"%x\r\n%b\r\n" % (len(event), event))
            self.wfile.flush()
            time.sleep(self.options.pace)
        self.wfile.write(b"0\r\n\r\n")

    def die(self) -> None:
        """End at once, as an engine does that has run out of memory."""
        sys.stderr.write("torch.OutOfMemoryError: CUDA out of memory.\n")
        sys.stderr.flush()
        os._exit(self.options.exit_code)

    def reply(self, status: int, body: object) -> None:
        """Send JSON."""
        self.send(status, json.dumps(body).encode(), "application/json")

    def send(self, status: int, body: bytes, content_type: str) -> None:
        """Send a whole answer."""
        self.send_response(status)
        self.send_header("Content-Type", content_type)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("X-Authorization", self.headers.get("Authorization", "none"))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - http.server's name
        """Print a line for each request, as engines do."""
        sys.stderr.write(f"INFO: {format % args}\n")
        sys.stderr.flush()


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
    return [*(f"data: {json.dumps(one)}\n\n".encode() for one in chunks), b"data: [DONE]\n\n"]


def main() -> None:
    """Serve until SIGTERM."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--name", required=True)
    parser.add_argument("--lists")
    parser.add_argument("--listen-after", type=float, default=0.0)
    parser.add_argument("--healthy-after", type=float, default=0.0)
    parser.add_argument("--exit-at-start", type=int)
    parser.add_argument("--say")
    parser.add_argument("--exit-after", type=int)
    parser.add_argument("--exit-code", type=int, default=1)
    parser.add_argument("--hang-after", type=int)
    parser.add_argument("--ignore-term", action="store_true")
    parser.add_argument("--child", action="store_true")
    parser.add_argument("--pace", type=float, default=0.0)
    parser.add_argument("--chunks", type=int, default=3)
    options = parser.parse_args()
    # The default action is not had where the parent ignores it.
    signal.signal(signal.SIGTERM, signal.SIG_IGN if options.ignore_term else lambda *_: os._exit(0))
    if options.child and os.fork() == 0:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        time.sleep(3600)
    if options.say:
        print(options.say, file=sys.stderr, flush=True)
    if options.exit_at_start is not None:
        sys.exit(options.exit_at_start)
    time.sleep(options.listen_after)
    Handler.options, Handler.began = options, time.monotonic()
    ThreadingHTTPServer.daemon_threads = True
    ThreadingHTTPServer.request_queue_size = 128
    with ThreadingHTTPServer(("127.0.0.1", options.port), Handler) as server:
        print(f"INFO: {options.name} listens on {options.port}", flush=True)
        server.serve_forever()


if __name__ == "__main__":
    main()
