"""Loads an orchestrator until it is ended: `latency_load.py PORT deep|follow`, which says a line once it has begun."""

from __future__ import annotations

import socket
import sys

DEEP = b'{"messages": [' + b"[[[[1]]]]," * 2_000_000 + b'[]], "model": "nobody"}'  # 20 MB


def main() -> None:
    port, what = int(sys.argv[1]), sys.argv[2]
    with socket.create_connection(("127.0.0.1", port), 60) as client:
        print("begun", flush=True)
        if what == "deep":
            head = f"POST /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\nContent-Length: {len(DEEP)}\r\n\r\n"
            while True:
                client.sendall(head.encode() + DEEP)
                assert b"there is no model `nobody`" in client.recv(65536)
        client.sendall(b"GET /logs/flood?follow=1 HTTP/1.1\r\nHost: localhost\r\n\r\n")
        while client.recv(65536):
            pass


main()
