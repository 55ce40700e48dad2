"""A program that serves OpenAI's chat API and streams an answer word by word; a stand-in for an engine."""

from __future__ import annotations

import argparse
import json
import os
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class Handler(BaseHTTPRequestHandler):
    """One connection."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    name = ""

    def do_GET(self) -> None:
        """Say that it is up."""
        self._send(b"{}", "application/json")

    def do_POST(self) -> None:
        """Say back what was said, as a whole or word by word."""
        asked = json.loads(self.rfile.read(int(self.headers.get("Content-Length", 0))))
        text = f"{self.name} says: {asked['messages'][-1]['content']}"
        if not asked.get("stream"):
            answer = {"id": "1", "object": "chat.completion", "created": 0, "model": self.name}
            message = {"role": "assistant", "content": text}
            choices = [{"index": 0, "message": message, "finish_reason": "stop"}]
            self._send(json.dumps({**answer, "choices": choices}).encode(), "application/json")
            return
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        chunk = {"id": "1", "object": "chat.completion.chunk", "created": 0, "model": self.name}
        for word in text.split(" "):
            choices = [{"index": 0, "delta": {"content": f"{word} "}}]
            self._write(f"data: {json.dumps({**chunk, 'choices': choices})}\n\n".encode())
            time.sleep(0.1)
        self._write(b"data: [DONE]\n\n")
        self.wfile.write(b"0\r\n\r\n")

    def _send(self, body: bytes, kind: str) -> None:
        self.send_response(200)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def _write(self, data: bytes) -> None:
        self.wfile.write(b"%x\r\n%b\r\n" % (len(data), data))
        self.wfile.flush()


def main() -> None:
    """Serve until it is told to end."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--name", required=True)
    parser.add_argument("--seconds", type=float, default=0.0, help="how long it loads")
    options = parser.parse_args()
    print(f"{options.name} loads", flush=True)
    time.sleep(options.seconds)
    Handler.name = options.name
    with ThreadingHTTPServer((os.environ.get("LISTEN", "127.0.0.1"), options.port), Handler) as server:
        server.serve_forever()


if __name__ == "__main__":
    main()
