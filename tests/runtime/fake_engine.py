r"""A program that behaves like an inference engine, well or badly: `python fake_engine.py --port N --name NAME …`.

It needs nothing but the standard library, and is up in a few milliseconds: `python -S -E`. Times are in seconds.

--name NAME, --lists NAME       what it answers to, and what /v1/models lists where that is something else; repeatable
--listen-after S, --healthy-after S, --listed-after S
                                until it listens, /health says 200 (503 before), and /v1/models lists anything
--pace S, --chunks N            between the chunks of a stream, and how many there are
--think S                       before an answer that is no stream, looking whether its client is still there
--say TEXT, --say-env NAME, --say-many N
                                prints (on stderr, before anything else) TEXT, a variable, N lines; repeatable
--exit-at-start CODE, --exit-when-ready CODE
                                ends after it has printed, or right after the first 200 of /health
--exit-after N, --exit-on-request N, --exit-code CODE
                                ends in the middle of the N-th request, or as soon as it has come, with CODE (1)
--hang-after N                  answers N requests and then nothing any more, /health included
--fail-inference CODE           answers so to every request for tokens
--fail-saying TEXT              with this message
--answer-all-the-same PATH      except on this path; repeatable
--end-streams-with JSON         sends this event and then [DONE] at the end of each stream, as vLLM does with an error
--drop-kept                     closes a connection at its second request, as if it had been idle for too long
--ignore-term, --stop-after S   goes on at SIGTERM, for ever or for so long
--flood MB                      has a child that prints so many MB each second
--child, --daemon               has a child that ignores SIGTERM, or one that leaves its session as well
--fill-memory                   has a child that takes all memory, and ends with CODE once the kernel has killed it
--mark TEXT                     does nothing: to find it by

POST /v1/chat/completions, /v1/completions, /v1/embeddings and /v1/messages answer in their shapes, streamed when asked;
the text is the last message's. POST /echo gives the body back, POST /headers the headers. POST /sleep is a development
route. GET /_control tells the paths of all requests.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import signal
import socket
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, NoReturn

from fake_answers import parts, whole


class Handler(BaseHTTPRequestHandler):
    """One connection."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    options: argparse.Namespace
    began: float
    served = 0
    asked = 0  # of this connection
    lock = threading.Lock()
    paths: list[str]

    def do_GET(self) -> None:
        """Answer health and the list of models."""
        age, options = time.monotonic() - self.began, self.options
        self.note(self.served)
        if self.path == "/_control":
            self.reply(200, self.paths)
        elif self.path == "/health":
            is_up = age >= options.healthy_after
            self.reply(200 if is_up else 503, {"status": "ok" if is_up else "loading"})
            if is_up and options.exit_when_ready is not None:
                os._exit(options.exit_when_ready)
        elif self.path == "/v1/models":
            names = (options.lists or options.name) if age >= options.listed_after else []
            self.reply(200, {"object": "list", "data": [{"id": name} for name in names]})
        else:
            self.reply(404, {"error": "no such path"})

    def do_POST(self) -> None:
        """Answer a request for tokens."""
        body, options = self.read_body(), self.options
        with self.lock:
            Handler.served += 1
            count = Handler.served
        self.note(count - 1)
        self.asked += 1
        if options.drop_kept and self.asked > 1:
            self.close_connection = True
            return
        if options.exit_on_request is not None and count >= options.exit_on_request:
            self.die()
        is_last = options.exit_after is not None and count >= options.exit_after
        if self.path in ("/echo", "/headers"):
            shown = json.dumps([*self.headers.items()]).encode() if self.path == "/headers" else body
            self.send(200, shown, self.headers.get("Content-Type", "text/plain"))
            return
        asked = json.loads(body) if "json" in self.headers.get("Content-Type", "json") else {"model": options.name[0]}
        if self.path in ("/embed", "/rerank", "/predict"):
            asked["model"] = options.name[0]  # TEI is told no name
        if options.fail_inference is not None and self.path not in options.answer_all_the_same:
            self.reply(options.fail_inference, {"error": {"message": options.fail_saying}})
        elif asked.get("model") not in options.name:
            self.reply(404, {"error": {"message": f"no model {asked.get('model')}", "code": "model_not_found"}})
        elif asked.get("stream"):
            self.stream(asked, is_last=is_last)
        else:
            if is_last:
                self.die()
            self.think()
            self.reply(200, whole(self.path, asked))

    def think(self) -> None:
        """Take as long as an answer takes, and print when nobody waits for it any more."""
        if not self.options.think:
            return
        print("thinking", file=sys.stderr, flush=True)
        self.connection.settimeout(self.options.think)
        with contextlib.suppress(TimeoutError):
            if not self.connection.recv(1, socket.MSG_PEEK):
                print("its client has gone", file=sys.stderr, flush=True)
        self.connection.settimeout(None)

    def note(self, answered: int) -> None:
        """Write a request down, and answer nothing once it is time to hang."""
        self.paths.append(self.path)
        if self.options.hang_after is not None and answered >= self.options.hang_after:
            time.sleep(3600)

    def read_body(self) -> bytes:
        """Return the body, in one piece or in chunks."""
        if self.headers.get("Transfer-Encoding", "").lower() != "chunked":
            return self.rfile.read(int(self.headers.get("Content-Length", 0)))
        parts = []
        while size := int(self.rfile.readline(), 16):
            parts.append(self.rfile.read(size))
            self.rfile.readline()
        self.rfile.readline()
        return b"".join(parts)

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
            try:
                self.wfile.write(b"%x\r\n%b\r\n" % (len(event), event))
                self.wfile.flush()
            except ConnectionError:
                print("its client has gone", file=sys.stderr, flush=True)
                raise
            time.sleep(self.options.pace)
        if self.options.end_streams_with:
            for data in (self.options.end_streams_with, "[DONE]"):
                event = f"data: {data}\n\n".encode()
                self.wfile.write(b"%x\r\n%b\r\n" % (len(event), event))
                self.wfile.flush()
        self.wfile.write(b"0\r\n\r\n")

    def die(self) -> NoReturn:
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
        if "Origin" in self.headers:
            self.send_header("Access-Control-Allow-Origin", "*")
        self.send_header("X-Authorization", self.headers.get("Authorization", "none"))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - http.server's name
        """Print a line for each request, as engines do."""
        sys.stderr.write(f"INFO: {format % args}\n")
        sys.stderr.flush()


def speak(options: argparse.Namespace) -> None:
    """Print what is to be printed at start."""
    for text in options.say:
        print(text, file=sys.stderr, flush=True)
    for name in options.say_env:
        value = os.environ.get(name)
        print(f"{name} is not set" if value is None else f"{name}={value}", file=sys.stderr, flush=True)
    for number in range(options.say_many):
        print(f"{number:09d} {'x' * 90}", file=sys.stderr, flush=True)


def obey(options: argparse.Namespace) -> None:
    """Decide what SIGTERM does; its default action is not had where the parent ignores it."""

    def end(*_: object) -> None:
        os.write(2, b"got SIGTERM\n")
        time.sleep(options.stop_after)
        os._exit(0)

    signal.signal(signal.SIGTERM, signal.SIG_IGN if options.ignore_term else end)
    if options.child and os.fork() == 0:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        time.sleep(3600)
    if options.flood and os.fork() == 0:
        flood(options.flood)
    if options.daemon and os.fork() == 0:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        os.setsid()
        time.sleep(3600)


def flood(megabytes: int) -> NoReturn:
    """Print at a constant rate, for as long as the engine lives."""
    block, parent = b"an engine that prints very much\n" * 31_250, os.getppid()  # a million bytes
    while os.getppid() == parent:
        with contextlib.suppress(OSError):  # of a full disk
            os.write(2, block)
        time.sleep(1 / megabytes)
    os._exit(0)


def fill_memory(options: argparse.Namespace) -> NoReturn:
    """Have a child that takes memory until it is killed, as vLLM's EngineCore does, and end as its API server does."""
    child = os.fork()
    if child == 0:
        held = []
        while True:
            held.append(bytearray(b"x" * (1 << 20)))
    os.waitpid(child, 0)
    print("RuntimeError: Engine core initialization failed. See root cause above.", file=sys.stderr, flush=True)
    os._exit(options.exit_code)


def main() -> None:
    """Serve until SIGTERM."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--port", type=int, required=True)
    for name in ("--name", "--lists", "--say", "--say-env"):
        parser.add_argument(name, action="append", default=[])
    for name in ("--listen-after", "--healthy-after", "--listed-after", "--pace", "--stop-after", "--think"):
        parser.add_argument(name, type=float, default=0.0)
    for name in ("--exit-at-start", "--exit-when-ready", "--exit-after", "--exit-on-request", "--hang-after"):
        parser.add_argument(name, type=int)
    parser.add_argument("--fail-inference", type=int)
    parser.add_argument("--answer-all-the-same", action="append", default=[])
    parser.add_argument("--fail-saying", default="the fake was told to fail")
    parser.add_argument("--exit-code", type=int, default=1)
    parser.add_argument("--say-many", type=int, default=0)
    parser.add_argument("--flood", type=int, default=0)
    parser.add_argument("--chunks", type=int, default=3)
    parser.add_argument("--ignore-term", action="store_true")
    parser.add_argument("--child", action="store_true")
    parser.add_argument("--daemon", action="store_true")
    parser.add_argument("--drop-kept", action="store_true")
    parser.add_argument("--fill-memory", action="store_true")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--mark")
    parser.add_argument("--end-streams-with")
    options = parser.parse_args()
    speak(options)
    if options.exit_at_start is not None:
        sys.exit(options.exit_at_start)
    obey(options)
    if options.fill_memory:
        fill_memory(options)
    time.sleep(options.listen_after)
    Handler.options, Handler.began, Handler.paths = options, time.monotonic(), []
    ThreadingHTTPServer.daemon_threads = True
    ThreadingHTTPServer.request_queue_size = 128
    with ThreadingHTTPServer((options.host, options.port), Handler) as server:
        print(f"listening on {options.port}", file=sys.stderr, flush=True)
        server.serve_forever()


if __name__ == "__main__":
    main()
